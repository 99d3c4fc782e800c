import type { Clock } from '../kit/clock.js';

export interface IdlenessOptions {
  /** Undefined: it may be idle for as long as it lives. */
  readonly timeoutMs: number | undefined;
  readonly clock: Clock;
  /** How long it has been idle already, where another process held it before. */
  readonly alreadyMs?: number;
  /** Called when it comes into use and when it is out of use again, so that others can see it. */
  readonly onUse?: () => void;
}

/**
 * How long nothing has used a session: commands do, looking at them does not. Counted by a clock that stands still while the host is
 * suspended, so that nobody comes back from a break to find a session gone that had its time left.
 */
export class Idleness {
  readonly #clock: Clock;
  readonly #onUse: () => void;
  #uses = 0;
  #sinceMs: number;
  #isOver = false;
  #timeoutMs: number | undefined;
  #changed = new AbortController();

  constructor({ timeoutMs, clock, alreadyMs = 0, onUse = () => undefined }: IdlenessOptions) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#onUse = onUse;
    this.#sinceMs = clock.monotonic() - alreadyMs;
  }

  /** Undefined: it may be idle for as long as it lives. */
  get timeoutMs(): number | undefined {
    return this.#timeoutMs;
  }

  set timeoutMs(ms: number | undefined) {
    this.#timeoutMs = ms;
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** Fires when the timeout becomes another one. */
  get changed(): AbortSignal {
    return this.#changed.signal;
  }

  /** Milliseconds left, never below zero; undefined while something uses it, and where there is no limit. */
  get leftMs(): number | undefined {
    if (this.#timeoutMs === undefined || this.#uses > 0) return undefined;
    return Math.max(0, this.#sinceMs + this.#timeoutMs - this.#clock.monotonic());
  }

  /** Whether the time has been called: from then on nothing may begin. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Something uses the session until the returned function is called, which may be called twice. */
  begin(): () => void {
    this.#uses += 1;
    if (this.#uses === 1) this.#onUse();
    let isEnded = false;
    return () => {
      if (isEnded) return;
      isEnded = true;
      this.#uses -= 1;
      this.#sinceMs = this.#clock.monotonic();
      if (this.#uses === 0) this.#onUse();
    };
  }

  /** Calls time if it has run out. With nothing awaited between the look and the call, no command can slip in between. */
  callTime(): boolean {
    this.#isOver ||= this.leftMs === 0;
    return this.#isOver;
  }
}
