import type { Clock } from '../../kit/clock.js';
import type { DiskAccountant } from '../../monitor/disk/accountant.js';
import type { StandStill } from '../../sandbox/stand-still.js';

export interface StillCountParts {
  readonly accountant: Pick<DiskAccountant, 'lossFromNow'>;
  readonly hold: Pick<StandStill, 'stop'>;
  readonly clock: Clock;
  /** Counts; asks at the end whether all stood still. */
  readonly count: (isStill: () => boolean) => Promise<void>;
  readonly signal: AbortSignal;
}

/** How often it is looked whether everything has stopped, and whether it stays so. */
const settleEveryMs = 20;
export const lookEveryMs = 100;
/**
 * Who is in a system call stops when it ends. One that has written on for so long is not waited for any more; what only waits in there
 * (for the disk, say) is taken for still then; and what has not stopped after the longest of these does not mean to.
 */
const patienceMs = { writing: 1000, inKernel: 1000, running: 5000 } as const;
/** What may be lost meanwhile, as a share of the limit: others use the file system as well. */
const mostLost = 1 / 64;
/** A user may continue a process by a signal, and a command may have been on its way in; nobody does so each time, for that long. */
const leastAttempts = 3;

/**
 * Counts while everything in the session stands still, so that nothing is moved, removed or added behind the count's back. Whoever
 * calls lets it go on afterwards. Returns false where it can't be made to stand still, or goes on writing: then the limit counts as
 * reached.
 */
export async function countStill(parts: StillCountParts): Promise<boolean> {
  const { accountant, hold, count } = parts;
  const startedAt = parts.clock.monotonic();
  const lostBy = await accountant.lossFromNow();
  const goesOn = async () => parts.clock.monotonic() - startedAt >= patienceMs.writing && (await lostBy()) >= mostLost;
  for (let attempt = 1; ; attempt += 1) {
    if (!(await settled(parts, goesOn))) return false;
    const during = { isStill: true, isGivenUp: false };
    const look = () => {
      const found = hold.stop();
      if (found === 'running') during.isStill = false;
      return found;
    };
    const counting = count(() => {
      if (!during.isGivenUp) look();
      return during.isStill && !during.isGivenUp;
    });
    while (!(await isOver(counting, parts))) {
      if (look() === 'still' || !(await goesOn())) continue;
      during.isGivenUp = true;
      return false;
    }
    if (during.isStill) return true;
    if (attempt >= leastAttempts && parts.clock.monotonic() - startedAt >= patienceMs.running) return false;
    await parts.clock.sleep(settleEveryMs, parts.signal);
  }
}

async function settled({ hold, clock, signal }: StillCountParts, goesOn: () => Promise<boolean>): Promise<boolean> {
  const since = clock.monotonic();
  for (;;) {
    const found = hold.stop();
    if (found === 'still') return true;
    if (await goesOn()) return false;
    const waitedMs = clock.monotonic() - since;
    if (found === 'in-kernel' && waitedMs >= patienceMs.inKernel) return true;
    if (waitedMs >= patienceMs.running) return false;
    await clock.sleep(settleEveryMs, signal);
  }
}

/** Whether something is over, after one look's time at most. */
export async function isOver(
  work: Promise<void>,
  { clock, signal }: Pick<StillCountParts, 'clock' | 'signal'>,
): Promise<boolean> {
  const over = work.then(() => true);
  return await Promise.race([over, clock.sleep(lookEveryMs, signal).then(() => false)]);
}
