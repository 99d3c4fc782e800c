import type { KeyLimits } from '../keys/key-limits.js';
import type { KeyMeter } from '../session/key-meter.js';

/** What one caller has used up, and what sees what they use. */
export interface Counts {
  readonly limits: KeyLimits;
  readonly meter: KeyMeter;
}

/** No server has that many callers in a day; the one who has been gone longest is forgotten first. */
const mostKept = 10_000;

/**
 * What callers had used up who are gone: whoever lets their tokens lapse and comes with a new one would otherwise have a day's quota anew each time.
 * Each is kept until nothing of it counts any more.
 */
export class KeptCounts {
  readonly #most: number;
  readonly #kept = new Map<string, Counts>();

  constructor(most = mostKept) {
    this.#most = most;
  }

  keep(id: string, counts: Counts): void {
    this.#kept.delete(id);
    this.#kept.set(id, counts);
    const [longest] = this.#kept.keys();
    if (this.#kept.size > this.#most && longest !== undefined) this.#kept.delete(longest);
  }

  /** Theirs again from now on; undefined where nothing is kept. */
  take(id: string): Counts | undefined {
    const counts = this.#kept.get(id);
    this.#kept.delete(id);
    return counts;
  }

  /** Adds what their sessions used last, and forgets those of whom nothing counts. */
  async settle(): Promise<void> {
    for (const [id, counts] of this.#kept) {
      const { limits, meter } = counts;
      limits.use(meter.read([]));
      // They may have come again, and gone again, meanwhile.
      if (!(await limits.isCounting()) && this.#kept.get(id) === counts) this.#kept.delete(id);
    }
  }

  /** Whether anything of it would be forgotten with this process. */
  async wouldForget(): Promise<boolean> {
    const all = await Promise.all([...this.#kept.values()].map(({ limits }) => limits.wouldForget()));
    return all.includes(true);
  }
}
