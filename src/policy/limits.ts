import type { Limits } from '../core/limits.js';
import type { SitePolicy } from '../core/site-policy.js';
import { type Range, within } from './quantities.js';
import type { RuleId } from './rules.js';
import { deny } from './verdict.js';
import type { Wishes } from './wishes.js';

/** Facts of the host that bound a request. */
export interface HostFacts {
  readonly homeDir: string;
  readonly hostMemoryBytes: number;
  /** Processors this process may use. */
  readonly cpuCount: number;
}

/** The least of each limit with which a shell still runs. Memory: crun itself needs a few MiB to start. */
export const leastLimits = {
  memoryBytes: 16 * 1024 ** 2,
  cpuMillis: 10,
  cpuShares: 2,
  pids: 8,
  nofile: 64,
  fsizeBytes: 4096,
  shmBytes: 4096,
  lifetimeMs: 1000,
  idleTimeoutMs: 1000,
  timeoutMs: 1,
} as const;

/** Weight of a sandbox that asks for none: Docker's and Podman's own. */
const normalShares = 1024;
/** A ceiling of this many bytes on file sizes is none: RLIMIT_FSIZE is then not set at all. */
const unlimitedFsizeBytes = Number.MAX_SAFE_INTEGER;

/**
 * The kernel limits and shared memory of one sandbox. Asked values must lie within the site's ceilings and what the
 * host has; defaults are lowered to them. Memory by default is at most half of the host's.
 */
export function decideLimits(
  wishes: Wishes,
  { ceilings, defaults }: SitePolicy,
  host: HostFacts,
): { readonly limits: Limits; readonly shmBytes: number } {
  const hostMillis = host.cpuCount * 1000;
  const memoryBytes = pick(
    wishes.get('memoryBytes'),
    Math.min(defaults.memoryBytes, Math.floor(host.hostMemoryBytes / 2)),
    {
      ...{ what: 'memory', unit: 'bytes', minimum: leastLimits.memoryBytes },
      ...tighter(ceilings.memoryBytes, 'memory.ceiling', host.hostMemoryBytes, 'memory.host'),
    },
  );
  const cpuMillis = pick(wishes.get('cpuMillis'), defaults.cpuMillis, {
    ...{ what: 'CPU time', unit: 'cpuMillis', minimum: leastLimits.cpuMillis },
    ...tighter(ceilings.cpuMillis, 'cpu.ceiling', hostMillis, 'cpu.host'),
  });
  const plain = (key: 'cpuShares' | 'pids' | 'nofile', fallback: number, ceilingRule: RuleId) =>
    pick(wishes.get(key), fallback, {
      ...{ what: key, unit: 'plain', minimum: leastLimits[key], ceiling: ceilings[key], ceilingRule },
    });
  return {
    limits: {
      memoryBytes,
      cpuMillis,
      cpuShares: plain('cpuShares', normalShares, 'cpu.shares-ceiling'),
      pids: plain('pids', defaults.pids, 'pids.ceiling'),
      nofile: plain('nofile', defaults.nofile, 'nofile.ceiling'),
      coreBytes: 0,
      ...decideFsize(wishes.get('fsizeBytes'), ceilings.fsizeBytes),
    },
    shmBytes: decideShm(wishes.get('shmBytes'), defaults.shmBytes, ceilings.shmBytes, memoryBytes),
  };
}

function pick(asked: number | undefined, fallback: number, range: Range): number {
  return within(asked ?? Math.min(fallback, range.ceiling), range);
}

function tighter(
  site: number,
  siteRule: RuleId,
  host: number,
  hostRule: RuleId,
): Pick<Range, 'ceiling' | 'ceilingRule'> {
  return site <= host ? { ceiling: site, ceilingRule: siteRule } : { ceiling: host, ceilingRule: hostRule };
}

function decideFsize(asked: number | undefined, ceiling: number): { readonly fsizeBytes?: number } {
  if (asked === undefined && ceiling >= unlimitedFsizeBytes) return {};
  const range = {
    what: 'fsize',
    unit: 'bytes',
    minimum: leastLimits.fsizeBytes,
    ceiling,
    ceilingRule: 'fsize.ceiling',
  } as const;
  return { fsizeBytes: pick(asked, ceiling, range) };
}

/** Shared memory is charged to the sandbox's memory, so by default it is no more than that. */
function decideShm(asked: number | undefined, fallback: number, ceiling: number, memoryBytes: number): number {
  const range = {
    what: 'ShmSize',
    unit: 'bytes',
    minimum: leastLimits.shmBytes,
    ceiling,
    ceilingRule: 'shm.ceiling',
  } as const;
  return pick(asked, Math.min(fallback, memoryBytes), range);
}

/** What a request says of time, in milliseconds. */
interface AskedTimes {
  readonly lifetimeMs: number | undefined;
  readonly idleTimeoutMs: number | undefined;
  readonly timeoutMs: number | undefined;
}

/** Lifetime of the sandbox, how long it may be idle, and default time of its commands, in milliseconds. */
export function decideTimes(
  asked: AskedTimes,
  { ceilings, defaults }: SitePolicy,
): { readonly lifetimeMs: number; readonly idleTimeoutMs: number; readonly timeoutMs: number } {
  const lifetimeMs = pick(asked.lifetimeMs, defaults.lifetimeMs, {
    ...{ what: 'lifetime', unit: 'ms', minimum: leastLimits.lifetimeMs },
    ...{ ceiling: ceilings.lifetimeMs, ceilingRule: 'lifetime.ceiling' },
  });
  const idleTimeoutMs = pick(asked.idleTimeoutMs, defaults.idleTimeoutMs, {
    ...{ what: 'idleTimeout', unit: 'ms', minimum: leastLimits.idleTimeoutMs },
    ...{ ceiling: ceilings.idleTimeoutMs, ceilingRule: 'idle.ceiling' },
  });
  return {
    lifetimeMs,
    idleTimeoutMs,
    timeoutMs: decideTimeout(asked.timeoutMs, defaults.timeoutMs, ceilings.timeoutMs),
  };
}

/** No command runs longer than this, whatever the site's policy says. */
const longestTimeoutMs = 8 * 3_600_000;

export function decideTimeout(asked: number | undefined, fallback: number, ceilingMs: number): number {
  return pick(asked, fallback, {
    ...{ what: 'timeout', unit: 'ms', minimum: leastLimits.timeoutMs },
    ...{ ceiling: Math.min(ceilingMs, longestTimeoutMs), ceilingRule: 'timeout.ceiling' },
  });
}

/** Refuses facts that would make every comparison false and so let everything pass. */
export function checkHostFacts(host: HostFacts): void {
  const usable = Number.isFinite(host.hostMemoryBytes) && host.hostMemoryBytes > 0 && host.cpuCount >= 1;
  if (!usable || !Number.isFinite(host.cpuCount)) deny('limits.malformed', "the host's memory and CPUs are not known");
}
