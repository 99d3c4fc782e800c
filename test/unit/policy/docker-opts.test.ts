import { describe, expect, it } from 'vitest';
import { dockerOptions } from '../../../src/policy/docker/parse.js';
import { allowed, dockerRule, gib, mib, ruleOf, specOf } from './support/context.js';

describe("the guide's example", () => {
  const dockerOpts = {
    SecurityOpt: ['no-new-privileges'],
    CapDrop: ['ALL'],
    ReadonlyRootfs: true,
    Memory: '2g',
    CpuQuota: 50000,
  };

  it.each([dockerOpts, { HostConfig: dockerOpts }, { hostconfig: { ...dockerOpts, memory: 2 * gib, Memory: null } }])(
    'works as written, flat or nested %#',
    (opts) => {
      if ('hostconfig' in opts) {
        expect(dockerRule(opts)).toBe('docker-opts.duplicate-key');
        return;
      }
      const { limits } = specOf({ dockerOpts: opts });
      expect(limits).toMatchObject({ memoryBytes: 2 * gib, cpuMillis: 500 });
    },
  );

  it('says nothing was changed', () => {
    expect(allowed({ dockerOpts }).notes).toEqual([]);
  });
});

describe('resources in dockerOpts', () => {
  it.each([
    [{ Memory: 512 * mib }, { memoryBytes: 512 * mib }],
    [{ memory: '1.5GiB' }, { memoryBytes: 1.5 * gib }],
    [{ Memory: '1g', MemorySwap: gib }, { memoryBytes: gib }],
    [{ CpuQuota: 150_000, CpuPeriod: 50_000 }, { cpuMillis: 3000 }],
    [{ NanoCpus: 1_500_000_000 }, { cpuMillis: 1500 }],
    [{ NanoCpus: 0, CpuQuota: 29_000 }, { cpuMillis: 290 }],
    [{ CpuShares: 512 }, { cpuShares: 512 }],
    [{ PidsLimit: 64 }, { pids: 64 }],
    [{ Ulimits: [{ Name: 'nofile', Soft: 1024, Hard: 2048 }] }, { nofile: 1024 }],
    [{ Ulimits: [{ name: 'core', soft: 0, hard: 0 }] }, { coreBytes: 0 }],
    [{ Ulimits: [{ Name: 'fsize', Hard: 4096 }] }, { fsizeBytes: 4096 }],
    [{ Ulimits: [{ Name: 'nproc', Soft: 100 }] }, { pids: 100 }],
  ])('applies %j', (opts, limits) => {
    expect(specOf({ dockerOpts: opts }).limits).toMatchObject(limits);
  });

  it('applies ShmSize', () => {
    expect(specOf({ dockerOpts: { ShmSize: '128m' } }).shmBytes).toBe(128 * mib);
  });

  it('says when a soft and a hard limit become one', () => {
    const { notes } = allowed({ dockerOpts: { Ulimits: [{ Name: 'nofile', Soft: 1024, Hard: 2048 }] } });
    expect(notes.join()).toContain('1024');
  });

  it.each([
    [{ Memory: -1 }, 'limits.malformed'],
    [{ Memory: 0 }, 'limits.malformed'],
    [{ Memory: 1.5 }, 'limits.malformed'],
    [{ Memory: 1e30 }, 'limits.malformed'],
    [{ Memory: '2gg' }, 'limits.malformed'],
    [{ Memory: [] }, 'limits.malformed'],
    [{ Memory: '1k' }, 'limits.too-small'],
    [{ Memory: '15g' }, 'allow'],
    [{ Memory: '17g' }, 'memory.host'],
    [{ Memory: '65g' }, 'memory.host'],
    [{ MemorySwap: -1 }, 'memory.swap'],
    [{ Memory: '1g', MemorySwap: '2g' }, 'memory.swap'],
    [{ CpuQuota: -1 }, 'limits.malformed'],
    [{ CpuQuota: 999 }, 'limits.malformed'],
    [{ CpuPeriod: 100_000 }, 'limits.malformed'],
    [{ CpuQuota: 50_000, CpuPeriod: 999 }, 'limits.malformed'],
    [{ CpuQuota: 1000, CpuPeriod: 1_000_000 }, 'limits.too-small'],
    [{ CpuQuota: 900_000 }, 'cpu.host'],
    [{ NanoCpus: 1, CpuQuota: 1000 }, 'request.conflict'],
    [{ NanoCpus: 1 }, 'limits.too-small'],
    [{ CpuShares: 4096 }, 'cpu.shares-ceiling'],
    [{ CpuShares: 1 }, 'limits.too-small'],
    [{ PidsLimit: -1 }, 'limits.malformed'],
    [{ PidsLimit: 0 }, 'limits.malformed'],
    [{ PidsLimit: 100_000 }, 'pids.ceiling'],
    [{ PidsLimit: '64' }, 'limits.malformed'],
    [{ ShmSize: '3g' }, 'shm.ceiling'],
    [{ ShmSize: -5 }, 'limits.malformed'],
    [{ Ulimits: [{ Name: 'nofile', Soft: -1 }] }, 'limits.malformed'],
    [{ Ulimits: [{ Name: 'nofile', Soft: 20, Hard: 10 }] }, 'docker-opts.value'],
    [{ Ulimits: [{ Name: 'nofile' }] }, 'docker-opts.value'],
    [{ Ulimits: [{ Name: 'nofile', Soft: 10_000_000 }] }, 'nofile.ceiling'],
    [{ Ulimits: [{ Name: 'core', Soft: 1 }] }, 'ulimits.unsupported'],
    [{ Ulimits: [{ Name: 'memlock', Soft: 1 }] }, 'ulimits.unsupported'],
    [
      {
        Ulimits: [
          { Name: 'nofile', Soft: 9 },
          { Name: 'NOFILE', Soft: 9 },
        ],
      },
      'docker-opts.duplicate-key',
    ],
    [{ Ulimits: [{ Name: 'nofile', Soft: 9, Extra: 1 }] }, 'docker-opts.unknown-key'],
    [{ Ulimits: ['nofile=1'] }, 'docker-opts.value'],
    [{ OomScoreAdj: -500 }, 'docker-opts.oom'],
    [{ MemoryReservation: 5 }, 'docker-opts.resource'],
  ])('judges %j as %s', (opts, rule) => {
    expect(dockerRule(opts)).toBe(rule);
  });

  it('refuses an argument and an option that disagree', () => {
    expect(ruleOf({ memory: '1g', dockerOpts: { Memory: '2g' } })).toBe('request.conflict');
    expect(ruleOf({ memory: '2048m', dockerOpts: { Memory: '2g' } })).toBe('allow');
  });
});

describe('what loosens is refused', () => {
  it.each([
    [{ Privileged: true }, 'docker-opts.privileged'],
    [{ privileged: true }, 'docker-opts.privileged'],
    [{ PRIVILEGED: 1 }, 'docker-opts.privileged'],
    [{ HOSTCONFIG: { pRiViLeGeD: 'true' } }, 'docker-opts.privileged'],
    [{ PidMode: 'host' }, 'docker-opts.namespace'],
    [{ IpcMode: 'container:abc' }, 'docker-opts.namespace'],
    [{ IpcMode: 'shareable' }, 'docker-opts.namespace'],
    [{ UTSMode: 'host' }, 'docker-opts.namespace'],
    [{ UsernsMode: 'keep-id' }, 'docker-opts.namespace'],
    [{ CgroupnsMode: 'host' }, 'docker-opts.namespace'],
    [{ Cgroup: 'container:x' }, 'docker-opts.namespace'],
    [{ Devices: [{ PathOnHost: '/dev/kvm' }] }, 'docker-opts.device'],
    [{ DeviceRequests: [{ Count: -1 }] }, 'docker-opts.device'],
    [{ DeviceCgroupRules: ['c 1:3 rwm'] }, 'docker-opts.device'],
    [{ CapAdd: ['SYS_ADMIN'] }, 'docker-opts.capability'],
    [{ CapAdd: 'ALL' }, 'docker-opts.capability'],
    [{ CapAdd: {} }, 'docker-opts.capability'],
    [{ SecurityOpt: ['seccomp=unconfined'] }, 'security-opt.seccomp'],
    [{ SecurityOpt: ['seccomp:unconfined'] }, 'security-opt.seccomp'],
    [{ SecurityOpt: [' Seccomp=x'] }, 'security-opt.seccomp'],
    [{ SecurityOpt: ['apparmor=unconfined'] }, 'security-opt.apparmor'],
    [{ SecurityOpt: ['label=disable'] }, 'security-opt.label'],
    [{ SecurityOpt: ['disable'] }, 'security-opt.label'],
    [{ SecurityOpt: ['mask=/x'] }, 'security-opt.mask'],
    [{ SecurityOpt: ['unmask=ALL'] }, 'security-opt.mask'],
    [{ SecurityOpt: ['systempaths=unconfined'] }, 'security-opt.proc'],
    [{ SecurityOpt: ['proc-opts=hidepid=0'] }, 'security-opt.proc'],
    [{ SecurityOpt: ['writable-cgroups'] }, 'security-opt.cgroup'],
    [{ SecurityOpt: ['writable-cgroups=true'] }, 'security-opt.cgroup'],
    [{ SecurityOpt: ['no-new-privileges', 'no-new-privileges=false'] }, 'security-opt.no-new-privileges'],
    [{ SecurityOpt: ['no-new-privileges=1'] }, 'security-opt.no-new-privileges'],
    [{ SecurityOpt: [''] }, 'security-opt.unknown'],
    [{ SecurityOpt: ['__proto__=x'] }, 'security-opt.unknown'],
    [{ SecurityOpt: 'no-new-privileges' }, 'docker-opts.value'],
    [{ ReadonlyRootfs: false }, 'docker-opts.read-only-root'],
    [{ Volumes: { '/x': {} } }, 'mounts.volume'],
    [{ VolumesFrom: ['other'] }, 'mounts.volume'],
    [{ VolumeDriver: 'local' }, 'mounts.volume'],
    [{ Annotations: { 'run.oci.hooks.stdout': '/x' } }, 'docker-opts.runtime'],
    [{ Runtime: 'runc' }, 'docker-opts.runtime'],
    [{ CgroupParent: '/' }, 'docker-opts.runtime'],
    [{ LogConfig: { Config: { path: '/etc/x' } } }, 'docker-opts.log'],
    [{ LogConfig: { type: 'json-file' } }, 'docker-opts.log'],
    [{ ContainerIDFile: '/home/ada/x' }, 'docker-opts.log'],
    [{ Sysctls: { 'net.ipv4.ip_forward': '1' } }, 'docker-opts.sysctl'],
    [{ StorageOpt: { 'dm.basesize': '1g' } }, 'docker-opts.storage'],
    [{ StorageOpt: { Size: '1g' } }, 'docker-opts.storage'],
    [{ StorageOpt: 'size=1g' }, 'docker-opts.storage'],
    [{ StorageOpt: { size: '1025t' } }, 'disk.ceiling'],
    [{ StorageOpt: { size: 'all' } }, 'limits.malformed'],
    [{ OomKillDisable: true }, 'docker-opts.oom'],
    [{ GroupAdd: ['keep-groups'] }, 'docker-opts.group-add'],
    [{ ExtraHosts: ['a:1'] }, 'network.option'],
    [{ Dns: ['1.1.1.1'] }, 'network.option'],
    [{ DnsSearch: ['x'] }, 'network.option'],
    [{ DnsOptions: ['x'] }, 'network.option'],
    [{ Links: ['x'] }, 'network.option'],
    [{ PortBindings: { '80/tcp': [] } }, 'network.option'],
    [{ PublishAllPorts: true }, 'network.option'],
    [{ ExposedPorts: { '80/tcp': {} } }, 'network.option'],
    [{ NetworkingConfig: { EndpointsConfig: { bridge: {} } } }, 'network.option'],
    [{ NetworkMode: 'host' }, 'network.mode'],
    [{ NetworkMode: '' }, 'network.mode'],
    [{ NetworkMode: 'None' }, 'network.mode'],
    [{ NetworkMode: 'default' }, 'network.mode'],
    [{ NetworkMode: 'pasta:-T,80' }, 'network.mode'],
    [{ NetworkDisabled: false }, 'network.mode'],
    [{ RestartPolicy: { Name: 'always' } }, 'docker-opts.lifecycle'],
    [{ AutoRemove: false }, 'docker-opts.lifecycle'],
    [{ StopSignal: 'SIGKILL' }, 'docker-opts.lifecycle'],
    [{ Healthcheck: { Test: ['CMD', 'x'] } }, 'docker-opts.healthcheck'],
    [{ MaskedPaths: [] }, 'docker-opts.masked-paths'],
    [{ ReadonlyPaths: [] }, 'docker-opts.masked-paths'],
    [{ Entrypoint: ['/sbin/init'] }, 'docker-opts.process-one'],
    [{ Cmd: ['sleep'] }, 'docker-opts.process-one'],
    [{ Tty: true }, 'docker-opts.process-one'],
    [{ User: 'root' }, 'docker-opts.user'],
    [{ User: '0:0' }, 'docker-opts.user'],
    [{ Isolation: 'hyperv' }, 'docker-opts.namespace'],
  ])('%j by %s', (opts, rule) => {
    expect(dockerRule(opts)).toBe(rule);
  });
});

describe('what is so anyway is accepted', () => {
  it.each([
    { Privileged: false },
    { privileged: null },
    { NetworkMode: 'none' },
    { NetworkDisabled: true },
    { CapAdd: [] },
    { CapAdd: null },
    { CapDrop: ['all'] },
    { CapDrop: ['CAP_NET_RAW'] },
    { SecurityOpt: ['no-new-privileges:true'] },
    { SecurityOpt: ['no-new-privileges=True'] },
    { PidMode: '' },
    { IpcMode: 'private' },
    { Binds: [], Mounts: [], Tmpfs: {}, Volumes: {}, Devices: [] },
    { MaskedPaths: null },
    { LogConfig: { Type: 'none', Config: {} } },
    { RestartPolicy: { Name: 'no', MaximumRetryCount: 0 } },
    { Healthcheck: { Test: ['NONE'] } },
    { AutoRemove: true, Init: true, OomKillDisable: false },
    { User: '' },
    { User: 'agent' },
    { MemorySwap: 0, MemorySwappiness: -1 },
    { HostConfig: {} },
    { HostConfig: null },
  ])('%j', (opts) => {
    expect(dockerRule(opts)).toBe('allow');
  });
});

describe('keys', () => {
  it.each([
    [{ Memroy: '1g' }, 'docker-opts.unknown-key'],
    [{ HostConfig: { Image: 'host' } }, 'docker-opts.unknown-key'],
    [{ HostConfig: { HostConfig: {} } }, 'docker-opts.unknown-key'],
    [{ HostConfig: [] }, 'docker-opts.value'],
    [{ 'Privileged ': false }, 'docker-opts.unknown-key'],
    [{ 'Bind\u017f': [] }, 'docker-opts.unknown-key'],
    [{ Memory: '1g', memory: '1g' }, 'docker-opts.duplicate-key'],
    [{ Memory: '1g', memory: null }, 'docker-opts.duplicate-key'],
    [{ Memory: '1g', HostConfig: { Memory: '1g' } }, 'docker-opts.duplicate-key'],
    [{ HostConfig: {}, hostConfig: {} }, 'docker-opts.duplicate-key'],
    [JSON.parse('{"__proto__":{"Privileged":true}}'), 'request.shape'],
    [{ constructor: {} }, 'request.shape'],
    [{ Labels: { Constructor: 'x' } }, 'request.shape'],
  ] as const)('%j is judged %s', (opts, rule) => {
    expect(dockerRule(opts)).toBe(rule);
  });

  it('suggests what was meant', () => {
    const request = { dockerOpts: { Memroy: '1g' } };
    expect(() => allowed(request)).toThrow('did you mean Memory?');
  });

  it('knows every option once', () => {
    const names = dockerOptions().map(({ name }) => name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
  });
});
