import type { Limits } from '../../core/limits.js';
import type { SandboxSpec } from '../../core/spec.js';
import type { WriteLayer } from '../../workspace/binds.js';
import { type BodyInput, type BodyMount, overlayOptions, tmpfsOptions } from './input.js';

// Docker replaces its own list by ours, so ours begins with everything its releases mask.
const engineMaskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const engineReadonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The request for `POST /containers/create` of a rootless Docker; the same sandbox as `podmanBody`, in Docker's words. */
export function dockerBody(input: BodyInput): Record<string, unknown> {
  const { spec } = input;
  return {
    Image: input.image,
    Labels: input.labels,
    Entrypoint: input.initArgv,
    Cmd: [],
    User: '0:0',
    WorkingDir: spec.workdir,
    Hostname: spec.hostname,
    Env: Object.entries(input.env).map(([name, value]) => `${name}=${value}`),
    Tty: false,
    OpenStdin: input.stdinOpen,
    StdinOnce: input.stdinOpen,
    NetworkDisabled: spec.network !== 'open',
    Healthcheck: { Test: ['NONE'] },
    StopTimeout: 1,
    HostConfig: {
      ...hardening(input),
      ...limits(spec),
      ...mounts(input),
      AutoRemove: true,
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      LogConfig: { Type: 'none', Config: {} },
    },
  };
}

function hardening({ spec, seccomp, selinuxType }: BodyInput): Record<string, unknown> {
  const label = selinuxType === undefined ? [] : [`label=type:${selinuxType}`];
  return {
    // An allowlist is kept by whoever holds the session: the sandbox has no network device with it either.
    NetworkMode: spec.network === 'open' ? 'bridge' : 'none',
    PidMode: '',
    IpcMode: 'private',
    UTSMode: '',
    CgroupnsMode: 'private',
    Privileged: false,
    Init: false,
    CapAdd: [],
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges', `seccomp=${seccomp.json}`, ...label],
    ReadonlyRootfs: true,
    MaskedPaths: [...new Set([...engineMaskedPaths, ...spec.maskedPaths])],
    ReadonlyPaths: engineReadonlyPaths,
  };
}

/** Part of a create request, and all of `POST /containers/ID/update`. */
export function dockerResources(cap: Limits): Record<string, unknown> {
  return {
    Memory: cap.memoryBytes,
    MemorySwap: cap.memoryBytes,
    // Not NanoCpus: where the controller is missing that is an error before the session can say what is absent.
    CpuPeriod: 100_000,
    CpuQuota: cap.cpuMillis * 100,
    CpuShares: cap.cpuShares,
    PidsLimit: cap.pids,
  };
}

function limits({ limits: cap, shmBytes }: SandboxSpec): Record<string, unknown> {
  const fsizeBytes = cap.fsizeMostBytes ?? cap.fsizeBytes;
  const ulimit = (name: string, value: number) => ({ Name: name, Soft: value, Hard: value });
  return {
    ...dockerResources(cap),
    ShmSize: shmBytes,
    Ulimits: [
      ulimit('nofile', cap.nofile),
      ulimit('core', cap.coreBytes),
      ...(fsizeBytes === undefined ? [] : [ulimit('fsize', fsizeBytes)]),
    ],
  };
}

function bind({ source, target, readOnly }: BodyMount): Record<string, unknown> {
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    BindOptions: { Propagation: 'rprivate' },
  };
}

/** A volume without a name, which the engine makes and removes with the container; what is in it are folders of ours. */
function overlay({ source, target }: BodyMount, layer: WriteLayer): Record<string, unknown> {
  const o = [...overlayOptions(source, layer), 'nosuid', 'nodev'].join(',');
  const driver = { Name: 'local', Options: { type: 'overlay', device: 'overlay', o } };
  return { Type: 'volume', Target: target, VolumeOptions: { NoCopy: true, DriverConfig: driver } };
}

function mounts(input: BodyInput): Record<string, unknown> {
  return {
    // `Mounts`, not `Binds`: a missing source is an error there instead of a new folder on the host.
    Mounts: input.mounts.map((m) => (m.layer === undefined ? bind(m) : overlay(m, m.layer))),
    Tmpfs: Object.fromEntries(input.spec.tmpfs.map((t) => [t.target, tmpfsOptions(t).join(',')])),
  };
}
