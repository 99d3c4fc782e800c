import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../kit/clock.js';
import { isDoneWithin } from '../../kit/done-within.js';

export interface HoldBackBounds {
  /** How long one waits. */
  readonly pauseMs: number;
  /** Requests of one caller that wait at once, each on a connection; the next one is answered without a pause. */
  readonly pausedOfOne: number;
  /** The same of all callers, so that connections are left for whoever has done nothing. */
  readonly paused: number;
}

/**
 * Has who comes too often wait for a moment before they hear so. A client that asks again as soon as it is answered would otherwise keep the one process
 * that serves everybody at work with refusals alone.
 */
export class HoldBack {
  readonly #clock: Clock;
  readonly #bounds: HoldBackBounds;
  readonly #waiting = new Map<string, number>();
  #all = 0;

  constructor(clock: Clock, bounds: HoldBackBounds) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** Until the pause is over, or the client has gone. */
  async hold(caller: string, response: ServerResponse): Promise<void> {
    const { pauseMs, pausedOfOne, paused } = this.#bounds;
    const own = this.#waiting.get(caller) ?? 0;
    if (own >= pausedOfOne || this.#all >= paused || response.destroyed) return;
    this.#waiting.set(caller, own + 1);
    this.#all += 1;
    try {
      await isDoneWithin(once(response, 'close'), pauseMs, this.#clock);
    } finally {
      this.#all -= 1;
      const left = (this.#waiting.get(caller) ?? 1) - 1;
      if (left === 0) this.#waiting.delete(caller);
      else this.#waiting.set(caller, left);
    }
  }
}
