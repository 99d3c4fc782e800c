import type { DiskAccountant, SureCount } from '../../monitor/disk/accountant.js';
import type { StandStill } from '../../sandbox/stand-still.js';
import { countStill, type StillCountParts } from './still-count.js';

export interface JudgeStillParts extends Omit<StillCountParts, 'count' | 'accountant' | 'hold'> {
  readonly accountant: Pick<DiskAccountant, 'lossFromNow' | 'isUnderWay'>;
  readonly hold: Pick<StandStill, 'stop' | 'holdAll' | 'release'>;
  readonly count: (sure: SureCount) => Promise<void>;
}

/** A file that goes from one process to another is under way for microseconds; what is so each time was meant to be. */
const mostAttempts = 3;
/** Several looks of what receives it. */
const onTheWayMs = 50;

/**
 * Counts while everything stands still. Who is stopped between sending a file and receiving it goes on for a moment and is counted
 * again; at last such a file is taken for hidden. Returns false as `countStill` does.
 */
export async function judgeStill(parts: JudgeStillParts): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const isLast = attempt === mostAttempts;
    const count = (isStill: () => boolean) => parts.count({ isStill, isLast });
    if (!(await countStill({ ...parts, count }))) return false;
    if (isLast || !parts.accountant.isUnderWay) return true;
    parts.hold.release();
    await parts.clock.sleep(onTheWayMs, parts.signal);
  }
}
