import type { Clock } from '../../kit/clock.js';
import { randomBase32 } from '../../kit/random-id.js';
import { type EntryFacts, stampOf } from './stamp.js';

/** Longer than a tick of any kernel's clock of files (10 ms at most). */
const tickMs = 50;
/** So long one review waits for ticks in all. */
const patienceMs = 1000;

export interface Look {
  readonly facts: EntryFacts;
  readonly stamp: string;
}

/**
 * Makes stamps that prove something. The kernel's clock of files goes by ticks: what is written twice within one, and looked at
 * between, has the same times before and after. So what changed just before it was looked at is looked at again once its tick is
 * over; what goes on changing gets a stamp that nothing ever has again.
 */
export class Settling {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #untilMs: number;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#untilMs = clock.monotonic() + patienceMs;
  }

  /**
   * Of what was found by a look that began at `sinceMs` by the clock, or later. `again` looks once more; undefined when nothing is
   * there, or something that this no longer is about.
   */
  async settled(
    found: EntryFacts,
    sinceMs: number,
    again: () => Promise<EntryFacts | undefined>,
  ): Promise<Look | undefined> {
    let facts: EntryFacts | undefined = found;
    let lookMs = sinceMs;
    while (facts !== undefined && this.#isFresh(facts, lookMs)) {
      const leftMs = this.#untilMs - this.#clock.monotonic();
      if (leftMs <= 0) return { facts, stamp: `${stampOf(facts)}.${randomBase32(16)}` };
      await this.#clock.sleep(Math.min(leftMs, tickMs), this.#signal);
      lookMs = this.#clock.now();
      facts = await again();
    }
    return facts === undefined ? undefined : { facts, stamp: stampOf(facts) };
  }

  /** What lies in the future was written before the clock was set back: what is written now gets another time. */
  #isFresh({ ctimeNs }: EntryFacts, lookMs: number): boolean {
    const changedMs = Number(ctimeNs / 1_000_000n);
    return changedMs > lookMs - tickMs && changedMs < this.#clock.now() + tickMs;
  }
}
