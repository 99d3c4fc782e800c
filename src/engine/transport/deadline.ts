import { EngineError } from '../../core/errors.js';

/**
 * One call's time limit joined with its caller's signal. `AbortSignal.any` would hold every call of a long session on
 * the caller's one signal; `clear()` takes this call off it again.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #onOuterAbort = (): void => this.#controller.abort(this.#outer?.reason);
  readonly #timeoutMs: number;
  #isExpired = false;

  constructor(timeoutMs: number, outer?: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#isExpired = true;
      this.#controller.abort(new Error('deadline'));
    }, timeoutMs);
    if (outer?.aborted === true) this.#onOuterAbort();
    else outer?.addEventListener('abort', this.#onOuterAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the signal fired, as the error to throw; undefined while it has not. */
  error(what: string, cause?: unknown): EngineError | undefined {
    if (this.#isExpired) {
      return new EngineError('ENGINE_TIMEOUT', `${what}: no complete answer within ${this.#timeoutMs} ms`, {
        cause,
        info: { timeoutMs: this.#timeoutMs },
      });
    }
    if (this.signal.aborted) return new EngineError('INTERRUPTED', `${what}: cancelled`, { cause });
    return undefined;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onOuterAbort);
  }
}
