import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../kit/clock.js';

/** So long may work on the disk hold the event loop up at a stretch, in milliseconds; then everything else has its turn. */
const sliceMs = 4;

/** Cuts long synchronous work into slices. Calls one by one through the thread pool would take four times as long in all. */
export class Pace {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #since: number;

  constructor(clock: Clock, signal?: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#since = clock.monotonic();
  }

  get isDue(): boolean {
    return this.#clock.monotonic() - this.#since >= sliceMs;
  }

  /** Lets others have their turn. Throws when the signal has fired. */
  async rest(): Promise<void> {
    this.#signal?.throwIfAborted();
    await nextTurn();
    this.#signal?.throwIfAborted();
    this.#since = this.#clock.monotonic();
  }
}
