import { describe, expect, it } from 'vitest';
import { judgeEvidence } from '../../../src/confine/evidence.js';
import { controlIds } from '../../../src/core/evidence.js';
import { parseIdMap } from '../../../src/kit/proc/id-map.js';
import { parseLimits } from '../../../src/kit/proc/limits.js';
import { parseStatus } from '../../../src/kit/proc/status.js';
import { dockerMountinfo, hardened, hardenedStatus, mountsOf, request, rowOf } from './support/sandbox.js';

const status = (from: string, to: string) => ({ status: parseStatus(hardenedStatus.replace(from, to)) });
const lsm = ['apparmor', 'selinux'];

describe('evidence of a hardened sandbox', () => {
  it('has one row per control, all enforced but the LSM that the host lacks', () => {
    const { controls, readAtMs } = judgeEvidence(hardened, request);
    const usual = controlIds.filter((id) => id !== 'cpu-weight');
    expect(controls.map(({ id }) => id)).toEqual(usual);
    expect(controls.filter((row) => row.status !== 'enforced').map((row) => row.id)).toEqual(lsm);
    expect(readAtMs).toBe(1);
  });

  it('is the same on rootless Docker but for the shared user namespace', () => {
    const seen = { ...hardened, mounts: mountsOf(dockerMountinfo), parentNamespaces: hardened.ownNamespaces };
    const shared = { ...seen, parentNamespaces: { ...hardened.parentNamespaces, user: hardened.namespaces.user } };
    const rows = judgeEvidence(shared, { ...request, engineKind: 'docker' }).controls;
    expect(rows.filter((row) => row.status !== 'enforced').map((row) => [row.id, row.status])).toEqual([
      ['user-namespace', 'degraded'],
      ['apparmor', 'absent'],
      ['selinux', 'absent'],
    ]);
  });

  it('is unknown throughout when process 1 was replaced while it was read', () => {
    const { controls } = judgeEvidence({ ...hardened, isSameProcess: false }, request);
    expect(new Set(controls.map((row) => row.status))).toEqual(new Set(['unknown']));
  });

  it('never calls enforced what could not be read', () => {
    const nothing = {
      user: undefined,
      pid: undefined,
      ipc: undefined,
      uts: undefined,
      mnt: undefined,
      cgroup: undefined,
    };
    const blank = { ...nothing, net: undefined };
    const seen = {
      ...{ ...hardened, status: undefined, parentStatus: undefined, uidMap: undefined, gidMap: undefined },
      ...{ mounts: undefined, interfaces: undefined, cgroup: undefined, limits: undefined, cmdline: undefined },
      ...{ namespaces: blank, parentNamespaces: blank, ownNamespaces: blank, sightings: new Map() },
    };
    const rows = judgeEvidence(seen, request).controls.filter((row) => !lsm.includes(row.id));
    expect(new Set(rows.map((row) => row.status))).toEqual(new Set(['unknown']));
  });
});

describe('privileges', () => {
  it('are absent with a usable capability, degraded with one that only a setuid program could get', () => {
    expect(rowOf('capabilities', status('CapEff:\t0', 'CapEff:\t2')).status).toBe('absent');
    expect(rowOf('capabilities', status('CapAmb:\t0', 'CapAmb:\t2')).status).toBe('absent');
    expect(rowOf('capabilities', status('CapBnd:\t0', 'CapBnd:\t2')).status).toBe('degraded');
    expect(rowOf('capabilities', status('CapInh:\t0000000000000000\n', '')).status).toBe('unknown');
  });

  it('are absent without no-new-privileges or a seccomp filter', () => {
    expect(rowOf('no-new-privileges', status('NoNewPrivs:\t1', 'NoNewPrivs:\t0')).status).toBe('absent');
    expect(rowOf('seccomp', status('Seccomp:\t2', 'Seccomp:\t0')).status).toBe('absent');
  });

  it("do not count a filter that was inherited from the engine's own service", () => {
    const inherited = { parentStatus: parseStatus('Seccomp:\t2\nSeccomp_filters:\t1\n') };
    expect(rowOf('seccomp', inherited).status).toBe('absent');
    expect(rowOf('seccomp', { ...inherited, ...status('Seccomp_filters:\t1', 'Seccomp_filters:\t2') }).status).toBe(
      'enforced',
    );
    expect(rowOf('seccomp', { parentStatus: undefined }).status).toBe('unknown');
  });

  it('are degraded with a filter that does not answer as ours does, or as another of ours', () => {
    expect(rowOf('seccomp')).toMatchObject({
      asked: 'default (01234567)',
      kernel: 'mode 2, 1 filters, 01234567',
      status: 'enforced',
    });
    for (const name of ['init', 'init-01234568', 'init-0123456', 'sh']) {
      expect(rowOf('seccomp', status('init-01234567', name))).toMatchObject({
        kernel: 'mode 2, 1 filters, not ours',
        status: 'degraded',
      });
    }
  });
});

describe('identity', () => {
  it('is absent when an id inside is root on the host, or there is no user namespace', () => {
    expect(rowOf('rootless', { uidMap: parseIdMap('0 0 1\n') }).status).toBe('absent');
    expect(rowOf('rootless', { namespaces: hardened.ownNamespaces }).status).toBe('absent');
    expect(rowOf('user-namespace', { namespaces: hardened.ownNamespaces }).status).toBe('absent');
  });

  it('is degraded when the user namespace is the one of conmon', () => {
    const namespaces = { ...hardened.namespaces, user: hardened.parentNamespaces.user };
    expect(rowOf('user-namespace', { namespaces }).status).toBe('degraded');
  });

  it('is degraded when files made inside would not belong to the caller, or a group leaks in', () => {
    expect(rowOf('user', status('Uid:\t1001\t1001', 'Uid:\t1001\t100999')).status).toBe('degraded');
    expect(rowOf('user', { uidMap: parseIdMap('0 1001 1\n7 1001 1\n') }).status).toBe('degraded');
    expect(rowOf('user', { uidMap: parseIdMap('0 100000 65536\n') }).status).toBe('degraded');
    const leak = rowOf('user', status('Groups:\t1001', 'Groups:\t1001 27'));
    expect([leak.status, leak.note]).toEqual(['degraded', 'Host groups 27 are kept inside.']);
  });
});

describe('isolation', () => {
  it.each(['pid', 'ipc', 'uts', 'mnt', 'cgroup', 'net'] as const)(
    'is degraded when the %s namespace is ours',
    (kind) => {
      const namespaces = { ...hardened.namespaces, [kind]: hardened.ownNamespaces[kind] };
      const row = rowOf('namespaces', { namespaces });
      expect([row.status, row.kernel]).toEqual(['degraded', `shared: ${kind}`]);
    },
  );

  it('has no network when there is another device, or the namespace is shared though it holds only a loopback', () => {
    expect(rowOf('network', { interfaces: ['lo', 'tap0'] }).status).toBe('absent');
    const namespaces = { ...hardened.namespaces, net: hardened.parentNamespaces.net };
    expect(rowOf('network', { namespaces }).status).toBe('absent');
  });

  it('ends in time only when process 1 is our init with exactly its arguments', () => {
    expect(rowOf('deadline', { cmdline: ['/.paddock/init', '--deadline', '999'] }).status).toBe('absent');
    expect(rowOf('deadline', { cmdline: [] }, { initArgv: [] }).status).toBe('absent');
  });
});

describe('limits', () => {
  const cgroup = typeof hardened.cgroup === 'object' ? hardened.cgroup : undefined;
  const facts = (changes: object) => ({ cgroup: { ...cgroup, ...changes } as NonNullable<typeof cgroup> });

  it.each(['memory', 'swap', 'cpu', 'pids'] as const)(
    '%s is absent in a cgroup shared with others, and says what to do',
    (id) => {
      const row = rowOf(id, facts({ isShared: true }));
      expect(row.status).toBe('absent');
      expect(row.note).toContain('Delegate=cpu cpuset io memory pids');
    },
  );

  it.each([
    ['memory', 'memoryMaxBytes', 1024 ** 3],
    ['swap', 'swapMaxBytes', 1],
    ['cpu', 'cpuMillis', 2000],
    ['pids', 'pidsMax', 257],
  ] as const)('%s is degraded above what was asked, absent without limit or file', (id, field, more) => {
    expect(rowOf(id, facts({ [field]: more })).status).toBe('degraded');
    expect(rowOf(id, facts({ [field]: Number.POSITIVE_INFINITY })).status).toBe('absent');
    expect(rowOf(id, facts({ [field]: undefined, memoryMaxBytes: undefined })).status).toBe('absent');
    expect(rowOf(id, facts({ isShared: undefined })).status).toBe('unknown');
    expect(rowOf(id, { cgroup: 'none' }).status).toBe('absent');
  });

  describe('of CPU weight', () => {
    const asking = (cpuShares: number, require: readonly 'cpu-weight'[] = []) => ({
      spec: { ...request.spec, limits: { ...request.spec.limits, cpuShares }, require },
      claims: { cpuShares },
    });
    const weight = (cpuWeight: number | undefined, cpuShares = 512) =>
      rowOf('cpu-weight', facts({ cpuWeight }), asking(cpuShares));

    it('is in the table only where one was asked for, or is required', () => {
      const reported = (...asked: Parameters<typeof asking>) =>
        judgeEvidence(hardened, { ...request, ...asking(...asked) }).controls.some(({ id }) => id === 'cpu-weight');
      expect([reported(1024), reported(512), reported(1024, ['cpu-weight'])]).toEqual([false, true, true]);
    });

    it.each([
      [2, 1, 1],
      [512, 20, 59],
      [2048, 79, 174],
      [262_144, 10_000, 10_000],
    ])('is enforced for %d shares as weight %d or %d, as older and newer runtimes have it', (shares, older, newer) => {
      for (const kernel of [older, newer]) {
        expect(weight(kernel, shares)).toMatchObject({
          ...{ status: 'enforced', asked: `${shares} shares`, engine: `${shares} shares`, kernel: `weight ${kernel}` },
        });
      }
    });

    it('is degraded as another weight, and absent without the controller', () => {
      expect(weight(100)).toMatchObject({ status: 'degraded', note: expect.stringContaining('20 or 59') });
      expect(weight(undefined)).toMatchObject({ status: 'absent', kernel: 'no such controller' });
      expect(rowOf('cpu-weight', facts({ isShared: true, cpuWeight: 20 }), asking(512)).status).toBe('absent');
    });
  });

  it('swap is degraded when the kernel does not count it and the host has none', () => {
    expect(rowOf('swap', facts({ swapMaxBytes: undefined })).status).toBe('degraded');
    expect(rowOf('swap', { ...facts({ swapMaxBytes: undefined }), hasHostSwap: true }).status).toBe('absent');
  });

  it("shows the engine's claim beside the kernel's answer", () => {
    const info = { memoryLimit: false } as NonNullable<typeof request.info>;
    const row = rowOf('memory', facts({ isShared: true }), { claims: { memoryBytes: 512 * 1024 ** 2 }, info });
    expect([row.asked, row.engine, row.kernel]).toEqual(['512 MiB', '512 MiB (can not enforce)', 'shared cgroup']);
  });

  it('of files and core dumps are judged by the hard limit', () => {
    const files = (soft: string, hard: string) => ({
      limits: parseLimits(`Max open files            ${soft}                 ${hard}                 files\n`),
    });
    expect(rowOf('nofile', files('1024', '4096')).status).toBe('degraded');
    expect(rowOf('nofile', files('1024', 'unlimited')).status).toBe('absent');
    expect(rowOf('core', files('1024', '1024')).status).toBe('unknown');
  });
});

describe('labels', () => {
  it.each([
    ['paddock-sandbox (enforce)', 'enforced'],
    ['crun//&paddock-sandbox (mixed)', 'degraded'],
    ['paddock-sandbox (complain)', 'degraded'],
    ['other (enforce)', 'degraded'],
    ['unconfined', 'absent'],
  ])('AppArmor %s is %s', (apparmorLabel, expected) => {
    expect(rowOf('apparmor', { apparmorLabel }, { apparmorProfile: 'paddock-sandbox' }).status).toBe(expected);
  });

  it.each([
    ['crun//&paddock-sandbox (mixed)', 'enforce', 'enforced'],
    ['crun//&paddock-sandbox (mixed)', 'complain', 'degraded'],
    ['crun//&other (mixed)', 'enforce', 'degraded'],
  ])(
    'AppArmor %s is judged by the mode in which the profile is loaded: %s',
    (apparmorLabel, apparmorMode, expected) => {
      const row = rowOf('apparmor', { apparmorLabel, apparmorMode }, { apparmorProfile: 'paddock-sandbox' });
      expect(row.status).toBe(expected);
    },
  );

  it.each([
    [{ is: 'shipped', hash: 'f9808eb7' }, 'enforced', 'paddock-sandbox (enforce), f9808eb7 as shipped', undefined],
    [{ is: 'outdated', hash: 'f9808eb7', why: 'older' }, 'degraded', ', f9808eb7 outdated', 'Not as shipped: older.'],
    [{ is: 'changed', hash: 'f9808eb7', why: 'other' }, 'degraded', ', f9808eb7 changed', 'Not as shipped: other.'],
    [{ is: 'unknown', why: 'no hash' }, 'enforced', ', not known whether as shipped', 'can not be told: no hash.'],
  ] as const)('AppArmor that denies by a profile of which %j is %s', (apparmorLoaded, status, kernel, note) => {
    for (const [apparmorLabel, apparmorMode] of [
      ['paddock-sandbox (enforce)', 'enforce'],
      ['crun//&paddock-sandbox (mixed)', 'enforce'],
    ]) {
      const seen = { apparmorLabel, apparmorMode, apparmorLoaded };
      const row = rowOf('apparmor', seen, { apparmorProfile: 'paddock-sandbox' });
      expect(row).toMatchObject({ status, kernel: expect.stringContaining(kernel.replace(/^paddock.*\),/, '')) });
      if (note === undefined) expect(row.note).toBeUndefined();
      else expect(row.note).toContain(note);
    }
    // Whatever it is: where it only complains, or nobody is under it, that is what counts.
    const rest = (apparmorLabel: string) =>
      rowOf('apparmor', { apparmorLabel, apparmorLoaded }, { apparmorProfile: 'paddock-sandbox' });
    expect(rest('paddock-sandbox (complain)').status).toBe('degraded');
    expect(rest('unconfined')).toMatchObject({ status: 'absent', kernel: 'unconfined' });
  });

  it('AppArmor that is on and holds nobody has its remedy named', () => {
    const note = (more: object) => rowOf('apparmor', { apparmorLabel: 'unconfined' }, more).note;
    expect(note({ apparmorProfile: 'paddock-sandbox' })).toContain('sudo paddock profiles install apparmor`');
    expect(note({ apparmorProfile: 'paddock-sandbox-nested' })).toContain('profiles install apparmor-nested`');
    expect(note({})).toContain('set `channel`');
  });

  it.each([
    ['system_u:system_r:paddock_sandbox.process:s0:c1,c2', true, 'enforced'],
    ['system_u:system_r:paddock_sandbox.process:s0:c1,c2', false, 'degraded'],
    ['system_u:system_r:paddock_sandbox.process:s0', true, 'degraded'],
    ['system_u:system_r:paddock_sandbox_debug.process:s0:c1,c2', true, 'degraded'],
    ['system_u:system_r:container_t:s0:c1,c2', true, 'degraded'],
    ['system_u:system_r:spc_t:s0:c1,c2', true, 'absent'],
    ['system_u:system_r:paddock_sandbox.process:s0:c1,c2', undefined, 'unknown'],
  ])('SELinux %s with enforcing %s is %s', (label, isSelinuxEnforcing, expected) => {
    const row = rowOf('selinux', { label, isSelinuxEnforcing }, { selinuxType: 'paddock_sandbox.process' });
    expect([row.asked, row.kernel, row.status]).toEqual(['paddock_sandbox.process', label, expected]);
  });

  it('of the engine’s own type say how ours is loaded', () => {
    const seen = { label: 'system_u:system_r:container_t:s0:c1,c2', isSelinuxEnforcing: true };
    const { note } = rowOf('selinux', seen, { selinuxType: 'paddock_sandbox.process' });
    expect(note).toContain('`sudo paddock profiles install selinux`');
  });
});
