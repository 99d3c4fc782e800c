import type { Clock } from '../kit/clock.js';

/** Says so once, when nothing has moved for a time. Disposing forgets it. */
export class IdleWatch implements Disposable {
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #movedAtMs: number;

  constructor(options: { readonly ms: number; readonly clock: Clock; readonly onIdle: () => void }) {
    this.#ms = options.ms;
    this.#clock = options.clock;
    this.#movedAtMs = options.clock.monotonic();
    this.#untilIdle().then(options.onIdle, () => undefined);
  }

  /** Called for every chunk: no timer is touched, and the one that runs sleeps again for what is left. */
  moved(): void {
    this.#movedAtMs = this.#clock.monotonic();
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  async #untilIdle(): Promise<void> {
    for (let leftMs = this.#ms; leftMs > 0; leftMs = this.#movedAtMs + this.#ms - this.#clock.monotonic()) {
      await this.#clock.sleep(leftMs, this.#over.signal);
    }
  }
}
