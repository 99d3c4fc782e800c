import type { Clock } from '../../kit/clock.js';
import type { DiskAccountant } from '../../monitor/disk/accountant.js';
import type { Look, StandStill } from '../../sandbox/stand-still.js';

export interface StillCountParts {
  readonly accountant: Pick<DiskAccountant, 'lossFromNow'>;
  readonly hold: Pick<StandStill, 'stop' | 'holdAll'>;
  readonly clock: Clock;
  /** Counts; asks at the end whether all stood still. */
  readonly count: (isStill: () => boolean) => Promise<void>;
  readonly signal: AbortSignal;
}

/** How often it is looked whether everything has stopped, and whether it stays so; a look that takes longer is followed by as long a rest. */
const settleEveryMs = 20;
export const lookEveryMs = 100;
/**
 * Who is in a system call stops when it ends. One that has written on for so long is not waited for any more; what only waits in there
 * (for the disk, say) is taken for still then; what goes on in there is waited for for longer, as long as it takes nothing; and what
 * has run for `running` without stopping does not mean to.
 */
const patienceMs = { writing: 1000, inKernel: 1000, running: 5000, busyInKernel: 30_000 } as const;
/** What may be lost meanwhile, as a share of the limit: others use the file system as well. */
const mostLost = 1 / 64;
/** A user may continue a process by a signal, and a command may have been on its way in; nobody does so each time, for that long. */
const leastAttempts = 3;

/**
 * Counts while everything in the session stands still, so that nothing is moved, removed or added behind the count's back: the count
 * holds where no thread has run from before it to its end. Whoever calls lets it go on afterwards. Returns false where it can't be made
 * to stand still, or goes on writing: then the limit counts as reached.
 */
export async function countStill(parts: StillCountParts): Promise<boolean> {
  const { accountant, clock, count, signal } = parts;
  const startedAt = clock.monotonic();
  const lostBy = await accountant.lossFromNow();
  const goesOn = async () => clock.monotonic() - startedAt >= patienceMs.writing && (await lostBy()) >= mostLost;
  const looks = new Looks(parts);
  for (let attempt = 1; ; attempt += 1) {
    const before = await settled(parts, looks, goesOn);
    if (before === undefined) return false;
    const during = { isStill: true, isGivenUp: false, stillness: before.stillness };
    const look = () => {
      const { trace, stillness } = looks.next();
      if (trace !== before.trace) during.isStill = false;
      if (during.stillness !== 'running' && stillness !== 'still') during.stillness = stillness;
      return during.isStill;
    };
    const counting = count(() => !during.isGivenUp && look());
    while (!(await isOver(counting, looks.restMs(lookEveryMs), parts))) {
      if (look() || !(await goesOn())) continue;
      during.isGivenUp = true;
      return false;
    }
    if (during.isStill) return true;
    if (await goesOn()) return false;
    const longestMs = during.stillness === 'in-kernel' ? patienceMs.busyInKernel : patienceMs.running;
    if (attempt >= leastAttempts && clock.monotonic() - startedAt >= longestMs) return false;
    await clock.sleep(settleEveryMs, signal);
  }
}

/** Undefined where it does not settle. */
async function settled(
  { clock, signal }: StillCountParts,
  looks: Looks,
  goesOn: () => Promise<boolean>,
): Promise<Look | undefined> {
  const since = clock.monotonic();
  let lastAt = since;
  let ranMs = 0;
  let before: Look | undefined;
  for (;;) {
    const found = looks.next();
    if (found.stillness === 'still' && (await looks.held(found)).trace === found.trace) return found;
    const now = clock.monotonic();
    // Who has not run since the last look has taken nothing: what was lost is others' then, and he may only have got no processor.
    if (found.trace !== before?.trace) {
      ranMs += now - lastAt;
      if (await goesOn()) return undefined;
    }
    [before, lastAt] = [found, now];
    if (found.stillness === 'in-kernel' && now - since >= patienceMs.inKernel) {
      const again = await looks.held(found);
      if (again.stillness !== 'running') return again;
    }
    if (ranMs >= patienceMs.running || now - since >= patienceMs.busyInKernel) return undefined;
    await clock.sleep(looks.restMs(settleEveryMs), signal);
  }
}

/** Looks, and how long they take: a session of thousands of threads must not keep its server busy with nothing else. */
class Looks {
  readonly #parts: Pick<StillCountParts, 'hold' | 'clock'>;
  #tookMs = 0;

  constructor(parts: Pick<StillCountParts, 'hold' | 'clock'>) {
    this.#parts = parts;
  }

  next(): Look {
    const { hold, clock } = this.#parts;
    const startedAt = clock.monotonic();
    const found = hold.stop();
    this.#tookMs = clock.monotonic() - startedAt;
    return found;
  }

  /** What there is once process 1 has stopped everything at once; what was found before where it can't. */
  async held(found: Look): Promise<Look> {
    return (await this.#parts.hold.holdAll()) ? this.next() : found;
  }

  restMs(atLeastMs: number): number {
    return Math.max(atLeastMs, this.#tookMs);
  }
}

/** Whether something is over, after `restMs` at most. */
export async function isOver(
  work: Promise<void>,
  restMs: number,
  { clock, signal }: Pick<StillCountParts, 'clock' | 'signal'>,
): Promise<boolean> {
  const over = work.then(() => true);
  return await Promise.race([over, clock.sleep(restMs, signal).then(() => false)]);
}
