import type { Clock } from '../kit/clock.js';
import { isDoneWithin } from '../kit/done-within.js';

type Seal = (signal: AbortSignal) => Promise<void>;

export interface SealingBehindOptions {
  readonly clock: Clock;
  /** How long whoever ends a session waits; absent: until it is done, however long that takes. */
  readonly waitMs?: number | undefined;
  /** How long all of them together are waited for once this is being closed, where `waitMs` is set; default 2 s: a server that is to end has 9 in all. */
  readonly closeMs?: number;
}

/**
 * Encrypts what ended sessions have left though nobody waits any more: a large layer takes longer than clients give one call. Disposing gives up what
 * is not done soon; that stays in clear and due, and the next prune, of whichever process, begins it again.
 */
export class SealingBehind implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #closeMs: number;
  readonly #going = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #closedAtMs = Number.POSITIVE_INFINITY;

  constructor({ clock, waitMs, closeMs = 2000 }: SealingBehindOptions) {
    this.#clock = clock;
    this.#waitMs = waitMs ?? Number.POSITIVE_INFINITY;
    this.#closeMs = closeMs;
  }

  /** Returns when `seal` is over, or nobody waits any more: after `mostMs` at the latest. Errors: those of `seal`, as long as it is waited for. */
  async within(seal: Seal, mostMs = Number.POSITIVE_INFINITY): Promise<void> {
    const sealing = seal(this.#stop.signal);
    const settled = sealing.catch(() => undefined).then(() => void this.#going.delete(settled));
    this.#going.add(settled);
    await this.#wait(sealing, Math.min(mostMs, this.#waitMs, this.#leftMs()));
  }

  /** From now on it is not waited for longer than a server has that is to end. */
  close(): void {
    if (this.#waitMs === Number.POSITIVE_INFINITY) return;
    this.#closedAtMs = Math.min(this.#closedAtMs, this.#clock.monotonic() + this.#closeMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#wait(Promise.all(this.#going), this.#leftMs());
    this.#stop.abort();
    await Promise.all(this.#going);
  }

  #leftMs(): number {
    return Math.max(0, this.#closedAtMs - this.#clock.monotonic());
  }

  async #wait(work: Promise<unknown>, ms: number): Promise<void> {
    if (ms === Number.POSITIVE_INFINITY) {
      await work;
      return;
    }
    await isDoneWithin(work, ms, this.#clock);
  }
}
