import type { Clock } from '../kit/clock.js';

export interface IdleExitOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** How long nobody has used it when it is to end. */
  readonly afterMs: number;
  /** Whether anything would be lost; asked at each look. */
  readonly isInUse: () => Promise<boolean>;
  /** The same of what can begin while that is asked. */
  readonly isBeingUsed: () => boolean;
}

/** Tells a server that something else starts again when it has not been used for long. */
export class IdleExit {
  readonly #options: IdleExitOptions;
  readonly #over = new AbortController();
  #usedAtMs: number;

  constructor(options: IdleExitOptions) {
    this.#options = options;
    this.#usedAtMs = options.clock.monotonic();
  }

  /** Fires when the server is to end. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** To be called every few seconds. */
  async look(): Promise<void> {
    const { clock, afterMs, isInUse, isBeingUsed } = this.#options;
    const wasInUse = await isInUse();
    const nowMs = clock.monotonic();
    if (wasInUse || isBeingUsed()) this.#usedAtMs = nowMs;
    else if (nowMs - this.#usedAtMs >= afterMs) this.#over.abort();
  }
}
