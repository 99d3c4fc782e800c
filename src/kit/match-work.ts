import { PaddockError } from '../core/errors.js';
import { Turns } from './turns.js';

/** Of one call: about half a second of a processor. Ten ordinary patterns on 200,000 paths take a tenth of it. */
const mostSteps = 40_000_000;
/** About a millisecond. */
const stepsBetween = 100_000;

/**
 * What matching paths may cost one call. The paths come from a sandbox and the patterns from whoever calls: without it, few of both keep a
 * processor for hours, and with it everybody else whom this process serves.
 */
export class MatchWork {
  readonly #turns = new Turns();
  readonly #signal: AbortSignal;
  #left: number;
  #restAt: number;

  /** `steps`: about 10 ns each. */
  constructor(signal: AbortSignal, steps = mostSteps) {
    this.#signal = signal;
    this.#left = steps;
    this.#restAt = steps - stepsBetween;
  }

  /** Errors: BAD_ARGUMENT, when it is too much. */
  take(steps: number): void {
    this.#left -= steps;
    if (this.#left >= 0) return;
    throw new PaddockError('BAD_ARGUMENT', 'these paths and patterns take too long to be held against so many paths', {
      hint: 'Give fewer patterns, or ones with fewer wildcards and alternatives, or name folders.',
    });
  }

  /** Whether it is time to rest. */
  get isDue(): boolean {
    return this.#left < this.#restAt;
  }

  /** Lets others go on where this has had its time. Errors: the signal's. */
  async rest(): Promise<void> {
    this.#restAt = this.#left - stepsBetween;
    this.#signal.throwIfAborted();
    await this.#turns.give();
  }
}
