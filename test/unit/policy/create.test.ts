import { describe, expect, it } from 'vitest';
import { decideCreate } from '../../../src/policy/create.js';
import { allowed, context, dockerRule, gib, homeDir, mib, ruleOf, specOf } from './support/context.js';

describe('a request that says nothing', () => {
  it('gets the whole hardened plan', () => {
    const spec = specOf({});
    expect(spec).toMatchObject({
      image: { kind: 'host', extraFolders: [] },
      workspace: 'none',
      mounts: [],
      network: 'none',
      workdir: '/home/agent',
      hostname: 'sandbox',
      limits: { memoryBytes: 2 * gib, cpuMillis: 2000, cpuShares: 1024, pids: 512, nofile: 4096, coreBytes: 0 },
      env: { HOME: '/home/agent', LANG: 'C.UTF-8', TERM: 'dumb' },
    });
    expect(spec.limits.fsizeBytes).toBe(10 * gib);
    expect(spec.maskedPaths).toContain('/proc/interrupts');
    expect(spec.seccomp).toBe('default');
  });

  it('has sized scratch folders, with exec where tools need it', () => {
    const rows = specOf({}).tmpfs.map(({ target, executable, ownedByUser }) => [target, executable, ownedByUser]);
    expect(rows).toEqual([
      ['/tmp', true, false],
      ['/var/tmp', true, false],
      ['/run', false, true],
      ['/home/agent', true, true],
    ]);
  });

  it('gets at most half of a small host', () => {
    const small = { ...context(), host: { homeDir, hostMemoryBytes: gib, cpuCount: 1 } };
    const verdict = decideCreate({}, small);
    expect(verdict).toMatchObject({ spec: { limits: { memoryBytes: gib / 2, cpuMillis: 1000 } } });
  });

  it.each([1, 2, 64])('gets no more CPUs than a host with %d has, and no more than is usual', (cpuCount) => {
    const verdict = decideCreate({}, { ...context(), host: { homeDir, hostMemoryBytes: 16 * gib, cpuCount } });
    expect(verdict).toMatchObject({ spec: { limits: { cpuMillis: Math.min(cpuCount, 2) * 1000, pids: 512 } } });
  });

  it('is refused when the host is not known', () => {
    const unknown = { ...context(), host: { homeDir, hostMemoryBytes: Number.NaN, cpuCount: 1 } };
    expect(decideCreate({}, unknown)).toMatchObject({ verdict: 'deny', ruleId: 'limits.malformed' });
  });
});

describe('arguments', () => {
  it('are applied', () => {
    const request = {
      projectPath: '/home/ada/app',
      workspace: 'rw',
      memory: '4g',
      cpus: 1.5,
      pids: 100,
      lifetime: '1h',
      idleTimeout: '20m',
      timeout: 90,
      env: { CI: '1', HOME: '/workspace' },
      labels: { team: 'blue' },
      name: 'build-1',
      workdir: '/workspace/./src//',
      hostFolders: ['/home/ada/.nvm/versions'],
      mcpMounts: [{ source: '/home/ada/data', target: '/data' }],
    };
    const { spec, name } = allowed(request);
    expect(name).toBe('build-1');
    expect(spec).toMatchObject({
      workspace: 'rw',
      image: { extraFolders: ['/home/ada/.nvm/versions'] },
      limits: { memoryBytes: 4 * gib, cpuMillis: 1500, pids: 100 },
      lifetimeMs: 3_600_000,
      idleTimeoutMs: 1_200_000,
      timeoutMs: 90_000,
      env: { CI: '1', HOME: '/workspace' },
      labels: { team: 'blue' },
      workdir: '/workspace/src',
      mounts: [
        { hostPath: '/home/ada/app', target: '/workspace', readOnly: false, purpose: 'workspace' },
        { hostPath: '/home/ada/data', target: '/data', readOnly: true, purpose: 'mcp' },
      ],
    });
  });

  it('show a project copy-on-write when nothing else is said, and start there', () => {
    for (const readWriteAllowed of [true, false]) {
      expect(specOf({ projectPath: '/home/ada/app' }, { readWriteAllowed })).toMatchObject({
        workspace: 'cow',
        workdir: '/workspace',
        mounts: [{ readOnly: true, copyOnWrite: true }],
      });
    }
  });

  it('show a project as the site has it for those who say nothing, and copy-on-write where it may not be written as that', () => {
    const defaultsTo = (workspace: 'ro' | 'rw' | 'none', readWriteAllowed: boolean) =>
      specOf(
        { projectPath: '/home/ada/app' },
        { readWriteAllowed, defaults: { ...context().sitePolicy.defaults, workspace } },
      ).workspace;
    expect([defaultsTo('ro', true), defaultsTo('none', true), defaultsTo('rw', true), defaultsTo('rw', false)]).toEqual(
      [...['ro', 'none', 'rw', 'cow']],
    );
  });

  it('say when a given project is not shown', () => {
    expect(allowed({ projectPath: '/home/ada/app', workspace: 'none' }).notes).toHaveLength(1);
  });

  it('leave PATH to images that are not the host', () => {
    const spec = specOf({ image: 'docker.io/library/node:22' }, { images: ['docker.io/library/*'] });
    expect(spec.env).not.toHaveProperty('PATH');
    expect(spec.image).toMatchObject({ kind: 'reference', pullAllowed: false });
  });

  it('show the folders of the settings when they name none', () => {
    const verdict = decideCreate({}, { ...context(), hostFolders: ['/opt'] });
    expect(verdict).toMatchObject({ spec: { image: { extraFolders: ['/opt'] } } });
  });

  it.each([
    [{ workspace: 'ro' }, 'workspace.no-project'],
    [{ workspace: 'cow' }, 'workspace.no-project'],
    [{ projectPath: 'app' }, 'host-path.malformed'],
    [{ projectPath: '/a,ro=false' }, 'host-path.malformed'],
    [{ projectPath: '/a:/b' }, 'host-path.malformed'],
    [{ projectPath: '/a\nb' }, 'host-path.malformed'],
    [{ projectPath: '/a"b' }, 'host-path.malformed'],
    [{ projectPath: '/a\0b' }, 'host-path.malformed'],
    [{ projectPath: '/a/../b' }, 'host-path.malformed'],
    [{ projectPath: '/a', workspace: 'none', mcpMounts: [{ source: 'x', target: '/x' }] }, 'host-path.malformed'],
    [{ network: 'open' }, 'network.not-allowed'],
    [{ network: 'internal' }, 'allow'],
    [{ network: 'host' }, 'request.invalid'],
    [{ memory: '17g' }, 'memory.host'],
    [{ cpus: '0' }, 'limits.too-small'],
    [{ cpus: -1 }, 'limits.malformed'],
    [{ cpus: 9 }, 'cpu.host'],
    [{ cpus: 1e9 }, 'limits.malformed'],
    [{ pids: 1.5 }, 'limits.malformed'],
    [{ pids: Number.NaN }, 'request.shape'],
    [{ pids: Number.POSITIVE_INFINITY }, 'request.shape'],
    [{ lifetime: '25h' }, 'lifetime.ceiling'],
    [{ idleTimeout: '25h' }, 'idle.ceiling'],
    [{ idleTimeout: 0 }, 'limits.malformed'],
    [{ lifetime: 'forever' }, 'limits.malformed'],
    [{ timeout: '9h' }, 'timeout.ceiling'],
    [{ timeout: 0 }, 'limits.malformed'],
    [{ env: { 'A B': 'x' } }, 'env.malformed'],
    [{ env: { 'A*': 'x' } }, 'env.malformed'],
    [{ env: { A: 'x\ny' } }, 'request.text'],
    [{ env: { A: '\0' } }, 'request.text'],
    [{ env: { A: '\ud800' } }, 'request.text'],
    [{ env: { PADDOCK_SECRET: 'x' } }, 'env.reserved'],
    [{ env: { LD_PRELOAD: '/x.so' } }, 'allow'],
    [{ labels: { 'dev.paddock.owner': 'x' } }, 'labels.reserved'],
    [{ labels: { 'a\nb': 'x' } }, 'labels.malformed'],
    [{ labels: { a: 'x\ny' } }, 'labels.malformed'],
    [
      { labels: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`l${n}`, '中'.repeat(300)])) },
      'labels.malformed',
    ],
    [{ name: '../x' }, 'name.malformed'],
    [{ name: 'a\nb' }, 'name.malformed'],
    [{ workdir: '/proc/self/fd/7' }, 'path.inside'],
    [{ workdir: '//proc' }, 'path.inside'],
    [{ workdir: '/workspace/../proc' }, 'path.inside'],
    [{ workdir: 'src' }, 'path.inside'],
    [{ hostFolders: ['/home/ada'] }, 'host-folders.not-allowed'],
    [{ hostFolders: ['/home/ada/.ssh'] }, 'host-folders.not-allowed'],
    [{ hostFolders: ['/opt/../home'] }, 'host-path.malformed'],
    [{ hostFolders: ['/optional'] }, 'host-folders.not-allowed'],
    [{ mcpMounts: [{ source: '/a', target: '/workspace/x' }] }, 'path.inside'],
    [{ mcpMounts: [{ source: '/a', target: '/' }] }, 'path.inside'],
    [{ mcpMounts: [{ source: '/a', target: '/usr/bin' }] }, 'path.inside'],
    [{ mcpMounts: [{ source: '/a', target: '/tmp' }] }, 'mounts.overlap'],
    [{ mcpMounts: [{ source: '/a', target: '/home' }] }, 'mounts.overlap'],
    [{ mcpMounts: [{ source: '/a', target: '/home/agent/.cfg' }] }, 'allow'],
    [{ mcpMounts: ['/m', '/m/n'].map((target) => ({ source: '/a', target })) }, 'mounts.overlap'],
    [{ mcpMounts: [{ source: '/a', target: '/m', mode: 'rw' }] }, 'request.unknown-key'],
    [{ nope: 1 }, 'request.unknown-key'],
    [null, 'request.invalid'],
    ['{}', 'request.invalid'],
    [[], 'request.invalid'],
    [new Map(), 'request.shape'],
    [JSON.parse('{"__proto__":{}}'), 'request.shape'],
    [{ env: JSON.parse('{"__proto__":"x"}') }, 'request.shape'],
    [{ labels: Array(5000).fill('x') }, 'request.shape'],
    [{ env: { A: 'x'.repeat(600_000) } }, 'request.shape'],
  ] as const)('%j is judged %s', (request, rule) => {
    expect(ruleOf(request)).toBe(rule);
  });

  it('that claim billions of entries are refused before they are copied', () => {
    expect(ruleOf({ labels: new Array(4_000_000_000) })).toBe('request.shape');
  });

  it('that are nested without end are refused', () => {
    const endless: Record<string, unknown> = {};
    endless['dockerOpts'] = endless;
    expect(ruleOf(endless)).toBe('request.shape');
  });

  it('are refused read-write access where the site has none', () => {
    const site = { readWriteAllowed: false };
    expect(ruleOf({ projectPath: '/home/ada/a', workspace: 'rw' }, site)).toBe('workspace.read-write');
    // The folder itself is only read.
    expect(ruleOf({ projectPath: '/home/ada/a', workspace: 'cow' }, site)).toBe('allow');
    expect(ruleOf({ mcpMounts: [{ source: '/a', target: '/m', readOnly: false }] }, site)).toBe('workspace.read-write');
  });

  it('show what was refused on one line', () => {
    const verdict = decideCreate({ projectPath: '/a\n\u001b[2J' }, context());
    expect(verdict).toMatchObject({ verdict: 'deny', hint: expect.any(String) });
    expect(JSON.stringify(verdict)).not.toMatch(/\\u001b|\\n/);
  });
});

describe('tmpfs and mounts in dockerOpts', () => {
  it('are applied', () => {
    const { tmpfs, mounts } = specOf({
      dockerOpts: {
        Tmpfs: { '/run': 'rw,noexec,nosuid,size=65536k', '/cache': 'size=10m,mode=0700,exec', '/scratch': '' },
        Binds: ['/home/ada/ref:/ref:ro'],
        Mounts: [
          { Type: 'bind', Source: '/home/ada/b', Target: '/b', ReadOnly: true },
          { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: mib, Mode: 0o700 } },
        ],
      },
    });
    expect(tmpfs.find(({ target }) => target === '/run')).toMatchObject({ sizeBytes: 64 * mib, executable: false });
    expect(tmpfs.find(({ target }) => target === '/cache')).toMatchObject({ mode: 0o700, executable: true });
    expect(tmpfs.find(({ target }) => target === '/scratch')).toMatchObject({ executable: false });
    expect(tmpfs.find(({ target }) => target === '/t')).toMatchObject({ sizeBytes: mib, mode: 0o700 });
    expect(mounts).toEqual([
      { hostPath: '/home/ada/ref', target: '/ref', readOnly: true, purpose: 'extra' },
      { hostPath: '/home/ada/b', target: '/b', readOnly: true, purpose: 'extra' },
    ]);
  });

  it.each([
    [{ Tmpfs: { '/x': 'suid' } }, 'tmpfs.option'],
    [{ Tmpfs: { '/x': 'dev' } }, 'tmpfs.option'],
    [{ Tmpfs: { '/x': 'size=50%' } }, 'limits.malformed'],
    [{ Tmpfs: { '/x': 'size=0' } }, 'limits.malformed'],
    [{ Tmpfs: { '/x': 'size=1k' } }, 'limits.too-small'],
    [{ Tmpfs: { '/x': 'size=17g' } }, 'tmpfs.ceiling'],
    [{ Tmpfs: { '/x': 'mode=4777' } }, 'tmpfs.option'],
    [{ Tmpfs: { '/x': 'exec,noexec' } }, 'tmpfs.option'],
    [{ Tmpfs: { '/run': 'exec' } }, 'tmpfs.option'],
    [{ Tmpfs: { '/x': 'uid=0' } }, 'tmpfs.option'],
    [{ Tmpfs: { '/x': 'U' } }, 'tmpfs.option'],
    [{ Tmpfs: { '/x': 5 } }, 'docker-opts.value'],
    [{ Tmpfs: { '/x': '', '/x/': '' } }, 'mounts.overlap'],
    [{ Tmpfs: { '/proc/x': '' } }, 'path.inside'],
    [{ Tmpfs: { '/': '' } }, 'path.inside'],
    [{ Tmpfs: { 'x,y': '' } }, 'path.inside'],
    [{ Binds: ['/a:/b:O,upperdir=/x'] }, 'mounts.malformed'],
    [{ Binds: ['/a:/b:Z'] }, 'mounts.malformed'],
    [{ Binds: ['/a'] }, 'mounts.malformed'],
    [{ Binds: ['/a:/b:ro:x'] }, 'mounts.malformed'],
    [{ Binds: ['vol:/b'] }, 'mounts.volume'],
    [{ Binds: ['/a,b:/b'] }, 'host-path.malformed'],
    [{ Mounts: [{ Type: 'glob', Source: '/home/*/.ssh', Target: '/b' }] }, 'mounts.malformed'],
    [{ Mounts: [{ Type: 'volume', Target: '/b' }] }, 'mounts.volume'],
    [{ Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', BindOptions: {} }] }, 'mounts.malformed'],
    [{ Mounts: [{ Type: 'tmpfs', Target: '/b', TmpfsOptions: { Options: [['exec']] } }] }, 'docker-opts.unknown-key'],
    [{ Mounts: [{ Type: 'tmpfs', Target: '/b', TmpfsOptions: { Mode: 0o4755 } }] }, 'tmpfs.option'],
    [{ Env: ['PATH'] }, 'env.malformed'],
    [{ Env: ['A*'] }, 'env.malformed'],
    [{ Env: ['A*=x'] }, 'env.malformed'],
    [{ Env: ['=x'] }, 'env.malformed'],
    [{ Env: ['A=1', 'A=2'] }, 'docker-opts.duplicate-key'],
    [{ Env: ['A=b=c'] }, 'allow'],
    [{ Hostname: 'a b' }, 'name.malformed'],
    [{ Hostname: 'box' }, 'allow'],
    [{ WorkingDir: '/dev/fd/3' }, 'path.inside'],
    [{ Labels: { a: 1 } }, 'docker-opts.value'],
  ])('%j is judged %s', (opts, rule) => {
    expect(dockerRule(opts)).toBe(rule);
  });

  it('leave the defaults what the ceiling has left', () => {
    const policy = context().sitePolicy;
    const tight = { ceilings: { ...policy.ceilings, tmpfsBytes: 100 * mib } };
    const { tmpfs } = specOf({ dockerOpts: { Tmpfs: { '/tmp': 'size=60m' } } }, tight);
    expect(tmpfs[0]?.sizeBytes).toBe(60 * mib);
    expect(tmpfs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThanOrEqual(100 * mib);
  });

  const heldBy = (spec: ReturnType<typeof specOf>) =>
    spec.tmpfs.reduce((sum, { sizeBytes }) => sum + sizeBytes, spec.shmBytes);

  it.each(['16m', '64m', '128m', '512m', '2g', '16g'])('hold at most half of a memory of %s by default', (memory) => {
    const spec = specOf({ memory });
    expect(heldBy(spec)).toBeLessThanOrEqual(spec.limits.memoryBytes / 2);
    expect(spec.shmBytes).toBeLessThanOrEqual(spec.limits.memoryBytes / 16);
    for (const { sizeBytes } of spec.tmpfs) expect(sizeBytes).toBeGreaterThanOrEqual(64 * 1024);
  });

  it('have the sizes of the policy where the memory is large enough', () => {
    expect(specOf({ memory: '4g' }).tmpfs.map(({ sizeBytes }) => sizeBytes / mib)).toEqual([512, 512, 16, 512]);
    expect(specOf({ memory: '4g' }).shmBytes).toBe(64 * mib);
  });

  it.each([
    [{ ShmSize: '1g' }],
    [{ Tmpfs: { '/tmp': 'size=1g' } }],
    [{ Tmpfs: { '/cache': 'size=700m', '/tmp': 'size=300m' }, ShmSize: '256m' }],
    [{ Memory: '1g', ShmSize: '512m' }],
  ])('may be asked for up to three quarters of the memory, and the others get some of the rest: %j', (dockerOpts) => {
    const spec = specOf({ dockerOpts });
    expect(heldBy(spec)).toBeLessThanOrEqual((spec.limits.memoryBytes * 3) / 4);
    const home = spec.tmpfs.find(({ target }) => target === '/home/agent');
    expect(home?.sizeBytes).toBeGreaterThan(16 * mib);
  });

  it.each([
    [{ Tmpfs: { '/cache': 'size=2g' } }],
    [{ Memory: '1g', ShmSize: '1g' }],
    [{ Memory: '1g', ShmSize: '512m', Tmpfs: { '/cache': 'size=300m' } }],
  ])('are refused when they could leave less to what runs: %j', (dockerOpts) => {
    expect(dockerRule(dockerOpts)).toBe('tmpfs.memory');
    expect(dockerRule({ ...dockerOpts, Memory: '4g' })).toBe('allow');
  });

  it('that are refused are told with both numbers', () => {
    expect(decideCreate({ dockerOpts: { Memory: '1g', ShmSize: '1g' } }, context())).toMatchObject({
      reason: 'tmpfs and shared memory of 1 GiB leave too little of the memory of 1 GiB',
    });
  });

  it('let a session choose its user by number where the caller says which numbers mean it', () => {
    const request = { dockerOpts: { User: '1000:1000' } };
    expect(decideCreate(request, context()).verdict).toBe('deny');
    expect(decideCreate(request, { ...context(), sandboxUsers: ['1000:1000'] }).verdict).toBe('allow');
  });
});

describe('the system call filter', () => {
  it('is the default for everybody, and another where the policy names it', () => {
    const open = { seccomp: ['debug'] } as const;
    expect(specOf({ seccomp: 'default' }).seccomp).toBe('default');
    expect(specOf({ seccomp: 'default' }, open).seccomp).toBe('default');
    expect(specOf({ seccomp: 'debug' }, open).seccomp).toBe('debug');
    expect(specOf({}, open).seccomp).toBe('default');
  });

  it('is refused where the policy does not name it, and where it is none of ours', () => {
    expect(ruleOf({ seccomp: 'debug' })).toBe('seccomp.not-allowed');
    expect(ruleOf({ seccomp: 'nested' }, { seccomp: ['debug'] })).toBe('seccomp.not-allowed');
    for (const seccomp of ['unconfined', '/tmp/mine.json', '', null]) {
      expect(ruleOf({ seccomp }, { seccomp: ['debug', 'nested'] })).toBe('request.invalid');
    }
    expect(dockerRule({ SecurityOpt: ['seccomp=debug'] })).toBe('security-opt.seccomp');
  });
});
