import type { FreeSpace } from './free-space.js';
import type { DiskUsage } from './usage.js';

/** What is known of the last count. */
export interface LastCount {
  readonly usage: DiskUsage;
  /** As they were when it began: what was written while it went on may be missing in it. */
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

/**
 * Whether the limit may have been reached since the last count, while commands run. What costs next to nothing tells it:
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
  const { bytes, inodes, limits } = last.usage;
  const step = {
    bytes: Math.max((limits.bytes - bytes) / 2, limits.bytes / 64),
    inodes: Math.max((limits.inodes - inodes) / 2, limits.inodes / 64),
  };
  const fell = fallOf(last, free);
  if (fell.bytes >= step.bytes || fell.inodes >= step.inodes) return true;
  if (restedMs < Math.max(writtenEveryMs, restFactor.warm * last.tookMs)) return false;
  const writtenBytes = since(last, written());
  if (writtenBytes >= step.bytes) return true;
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

function fallOf({ free: before }: LastCount, free: FreeSpace): FreeSpace {
  return { bytes: before.bytes - free.bytes, inodes: before.inodes - free.inodes };
}

/** What can't be told counts as everything. */
function since({ written: before }: LastCount, written: number | undefined): number {
  return written === undefined || before === undefined ? Number.POSITIVE_INFINITY : written - before;
}
