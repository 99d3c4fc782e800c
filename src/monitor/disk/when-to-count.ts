import type { FreeSpace } from './free-space.js';
import type { DiskUsage } from './usage.js';

/** What is known of a count. */
export interface LastCount {
  readonly usage: DiskUsage;
  /** Whether nothing in the sandbox could write or move anything while it went on. */
  readonly isSure: boolean;
  /** As they were when it began: what was written while it went on may be missing in it. Of one that is sure, when it ended. */
  readonly free: FreeSpace;
  readonly written: number | undefined;
  readonly tookMs: number;
  /** On the monotonic clock. */
  readonly endedAt: number;
}

/** What is seen now. */
export interface Present {
  /** On the monotonic clock. */
  readonly now: number;
  readonly free: FreeSpace;
  /** What the processes have written in all; undefined when nobody tells. Costs milliseconds, so it is asked for when it matters. */
  readonly written: () => number | undefined;
}

/** After a count nothing is counted for so many times as long as it took, however much is written. */
const restFactor = { hot: 1, warm: 10, cold: 50 } as const;
/** Where anything at all was written, and where nothing shows, a command that runs on is counted after so long. */
const backstopMs = { changed: 30_000, unchanged: 600_000 } as const;
/** The counters of processes are not read more often. */
const writtenEveryMs = 2000;
/** Less than this is not worth a count when a command has ended. */
const noteworthy = { bytes: 256 * 1024, inodes: 64 } as const;

/** Less than this share of the limit calls for no count, however near the limit is. */
const leastShare = 1 / 64;

/**
 * Whether the limit may have been passed, as far as is known for sure: a sandbox can't have added more than it had at the last sure
 * count and what the file systems have lost since. Other counts go on while the sandbox moves things about, and prove nothing; one of
 * them that finds the limit reached may have met something twice. This keeps no distance to anything.
 */
export function isInDoubt(sure: LastCount, last: LastCount | undefined, free: FreeSpace): boolean {
  if (
    last?.isSure === false &&
    (last.usage.bytes >= last.usage.limits.bytes || last.usage.inodes >= last.usage.limits.inodes)
  )
    return true;
  return hasFallen(sure, free, 1);
}

/**
 * Whether the limit may be near since the last count, while commands run. What costs next to nothing tells it:
 *
 * - what the file systems have left: a fall by half of what was left to the limit, or by a 64th of the limit, calls for a count.
 *   Delayed allocation is in it. It misses what is written while somebody else frees as much;
 * - so what the sandbox's processes have written by their own counters calls for a count in the same way. They miss what is
 *   allocated without being written (fallocate) and new names, which the first shows;
 * - whatever fools both: one count every half minute if anything has changed, and every ten minutes if not.
 *
 * Each keeps a distance to the last count that grows with how long that took: counting costs at most half of one processor's time
 * while something writes fast near the limit, and 2 % on the long run. What nobody writes to is not walked.
 */
export function isCountDue(last: LastCount, { now, free, written }: Present): boolean {
  const restedMs = now - last.endedAt;
  if (restedMs < restFactor.hot * last.tookMs) return false;
  if (hasFallen(last, free, 1 / 2)) return true;
  if (restedMs < Math.max(writtenEveryMs, restFactor.warm * last.tookMs)) return false;
  const writtenBytes = since(last, written());
  if (writtenBytes >= stepOf(last, 1 / 2).bytes) return true;
  const fell = fallOf(last, free);
  const hasChanged = writtenBytes > 0 || fell.bytes > 0 || fell.inodes > 0;
  return restedMs >= Math.max(hasChanged ? backstopMs.changed : backstopMs.unchanged, restFactor.cold * last.tookMs);
}

/** Whether a command that has ended may have left so much that a count is worth it. */
export function isCountWorthwhile(last: LastCount, { now, free, written }: Present): boolean {
  if (now - last.endedAt >= backstopMs.unchanged) return true;
  const fell = fallOf(last, free);
  if (fell.bytes >= noteworthy.bytes || fell.inodes >= noteworthy.inodes) return true;
  return since(last, written()) >= noteworthy.bytes;
}

/** How long to wait before a count that is not urgent, in milliseconds. */
export function restLeftMs(last: LastCount, now: number): number {
  return Math.max(0, last.endedAt + restFactor.hot * last.tookMs - now);
}

function hasFallen(last: LastCount, free: FreeSpace, share: number): boolean {
  const fell = fallOf(last, free);
  const step = stepOf(last, share);
  return fell.bytes >= step.bytes || fell.inodes >= step.inodes;
}

/** That share of what was left to the limit. */
function stepOf({ usage: { bytes, inodes, limits } }: LastCount, share: number): FreeSpace {
  return {
    bytes: Math.max((limits.bytes - bytes) * share, limits.bytes * leastShare),
    inodes: Math.max((limits.inodes - inodes) * share, limits.inodes * leastShare),
  };
}

function fallOf({ free: before }: LastCount, free: FreeSpace): FreeSpace {
  return { bytes: before.bytes - free.bytes, inodes: before.inodes - free.inodes };
}

/** What can't be told counts as everything. */
function since({ written: before }: LastCount, written: number | undefined): number {
  return written === undefined || before === undefined ? Number.POSITIVE_INFINITY : written - before;
}
