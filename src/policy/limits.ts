import { type Limits, normalCpuShares } from '../core/limits.js';
import type { SitePolicy } from '../core/site-policy.js';
import { type Range, within } from './quantities.js';
import type { RuleId } from './rules.js';
import { usualShmBytes } from './tmpfs.js';
import { deny } from './verdict.js';
import type { Wishes } from './wishes.js';

/** Facts of the host that bound a request. */
export interface HostFacts {
  readonly homeDir: string;
  readonly hostMemoryBytes: number;
  /** Processors this process may use. */
  readonly cpuCount: number;
  /** Those that its kernel uses; default: none. */
  readonly securityModules?: readonly ('apparmor' | 'selinux')[];
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
  diskBytes: 1024 ** 2,
  lifetimeMs: 1000,
  idleTimeoutMs: 1000,
  timeoutMs: 1,
  keepChangesMs: 0,
} as const;

/** A ceiling of this many bytes on file sizes is none: RLIMIT_FSIZE is then not set at all. */
const unlimitedFsizeBytes = Number.MAX_SAFE_INTEGER;

/** The limits that a running sandbox can be given anew. */
export type ChangeableLimit = 'memoryBytes' | 'cpuMillis' | 'cpuShares' | 'pids';

/** What may be asked of each limit: no more than the site's ceiling, and than the host has. */
export function limitRanges({ ceilings }: SitePolicy, host: HostFacts): Readonly<Record<ChangeableLimit, Range>> {
  const hostMillis = host.cpuCount * 1000;
  const plain = (key: 'cpuShares' | 'pids', ceilingRule: RuleId): Range => {
    return { what: key, unit: 'plain', minimum: leastLimits[key], ceiling: ceilings[key], ceilingRule };
  };
  return {
    memoryBytes: {
      ...{ what: 'memory', unit: 'bytes', minimum: leastLimits.memoryBytes },
      ...tighter(ceilings.memoryBytes, 'memory.ceiling', host.hostMemoryBytes, 'memory.host'),
    },
    cpuMillis: {
      ...{ what: 'CPU time', unit: 'cpuMillis', minimum: leastLimits.cpuMillis },
      ...tighter(ceilings.cpuMillis, 'cpu.ceiling', hostMillis, 'cpu.host'),
    },
    cpuShares: plain('cpuShares', 'cpu.shares-ceiling'),
    pids: plain('pids', 'pids.ceiling'),
  };
}

/**
 * The kernel limits and shared memory of one sandbox. Asked values must lie within the site's ceilings and what the
 * host has; defaults are lowered to them. Memory by default is at most half of the host's.
 */
export function decideLimits(
  wishes: Wishes,
  policy: SitePolicy,
  host: HostFacts,
): { readonly limits: Limits; readonly shmBytes: number } {
  const { ceilings, defaults } = policy;
  const ranges = limitRanges(policy, host);
  const share = Math.floor(host.hostMemoryBytes / 2);
  const memoryBytes = pick(wishes.get('memoryBytes'), Math.min(defaults.memoryBytes, share), ranges.memoryBytes);
  const nofile: Range = {
    ...{ what: 'nofile', unit: 'plain', minimum: leastLimits.nofile },
    ...{ ceiling: ceilings.nofile, ceilingRule: 'nofile.ceiling' },
  };
  return {
    limits: {
      memoryBytes,
      cpuMillis: pick(wishes.get('cpuMillis'), defaults.cpuMillis, ranges.cpuMillis),
      cpuShares: pick(wishes.get('cpuShares'), normalCpuShares, ranges.cpuShares),
      pids: pick(wishes.get('pids'), defaults.pids, ranges.pids),
      nofile: pick(wishes.get('nofile'), defaults.nofile, nofile),
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

/** Shared memory is charged to the sandbox's memory, so by default it is a small part of that. */
function decideShm(asked: number | undefined, fallback: number, ceiling: number, memoryBytes: number): number {
  const range = {
    what: 'ShmSize',
    unit: 'bytes',
    minimum: leastLimits.shmBytes,
    ceiling,
    ceilingRule: 'shm.ceiling',
  } as const;
  return pick(asked, usualShmBytes(memoryBytes, fallback), range);
}

/** What a request says of time, in milliseconds. */
interface AskedTimes {
  readonly lifetimeMs: number | undefined;
  readonly idleTimeoutMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly keepChangesMs: number | undefined;
}

/** What may be asked of a session's times, in milliseconds. */
export function timeRanges({
  ceilings,
}: Pick<SitePolicy, 'ceilings'>): Readonly<Record<'lifetimeMs' | 'idleTimeoutMs' | 'keepChangesMs', Range>> {
  return {
    lifetimeMs: {
      ...{ what: 'lifetime', unit: 'ms', minimum: leastLimits.lifetimeMs },
      ...{ ceiling: ceilings.lifetimeMs, ceilingRule: 'lifetime.ceiling' },
    },
    idleTimeoutMs: {
      ...{ what: 'idleTimeout', unit: 'ms', minimum: leastLimits.idleTimeoutMs },
      ...{ ceiling: ceilings.idleTimeoutMs, ceilingRule: 'idle.ceiling' },
    },
    keepChangesMs: {
      ...{ what: 'keepChanges', unit: 'ms', minimum: leastLimits.keepChangesMs },
      ...{ ceiling: ceilings.keepChangesMs, ceilingRule: 'changes.keep-ceiling' },
    },
  };
}

/** Lifetime of the sandbox, how long it may be idle, default time of its commands, and how long what it changes is kept, in milliseconds. */
export function decideTimes(asked: AskedTimes, policy: SitePolicy): Readonly<Record<keyof AskedTimes, number>> {
  const { ceilings, defaults } = policy;
  const ranges = timeRanges(policy);
  return {
    lifetimeMs: pick(asked.lifetimeMs, defaults.lifetimeMs, ranges.lifetimeMs),
    idleTimeoutMs: pick(asked.idleTimeoutMs, defaults.idleTimeoutMs, ranges.idleTimeoutMs),
    timeoutMs: decideTimeout(asked.timeoutMs, defaults.timeoutMs, ceilings.timeoutMs),
    keepChangesMs: pick(asked.keepChangesMs, defaults.keepChangesMs, ranges.keepChangesMs),
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
