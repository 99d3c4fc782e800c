import { PaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { deferred } from '../kit/deferred.js';
import { isDoneWithin } from '../kit/done-within.js';
import type { CanaryVerdict } from '../monitor/canary-verdict.js';

export interface CanaryWatchOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  /** Whether nothing is to run where the canary has not passed (`canary_required` of the policy). */
  readonly isRequired: boolean;
  /** One canary, from birth to end; says what it proved. */
  readonly run: (signal: AbortSignal) => Promise<CanaryVerdict>;
  /** Told why one could not be tried. Must not throw. */
  readonly onFailure: (error: unknown) => void;
}

/** After one that did not pass the next comes sooner: what was wrong may have been put right. */
const soonMs = 60_000;
/** What has to begin now waits so long for the first one. */
const patienceMs = 20_000;

/**
 * Runs canaries while a server is there, the first when it is started. Fails closed where the policy requires them: until one has passed, and from one that
 * failed to the next that passes, nothing begins. One that could not be tried, since the engine is away or there is no room, changes nothing.
 */
export class CanaryWatch implements AsyncDisposable {
  readonly #options: CanaryWatchOptions;
  readonly #stop = new AbortController();
  readonly #first = deferred<undefined>();
  #running: Promise<void> | undefined;
  #isPassed = false;

  constructor(options: CanaryWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#keepRunning();
  }

  /** Lets work begin, or refuses it. Errors: CONTROL_NOT_ENFORCED. */
  async admit(): Promise<void> {
    if (!this.#options.isRequired || this.#isPassed) return;
    await isDoneWithin(this.#first.promise, patienceMs, this.#options.clock);
    if (this.#hasPassed()) return;
    throw new PaddockError(
      'CONTROL_NOT_ENFORCED',
      'the canary of this server has not passed, which its policy requires',
      {
        hint: '`paddock doctor` on the host of the server, or check_host, says what is wrong; the server tries again every minute.',
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #hasPassed(): boolean {
    return this.#isPassed;
  }

  #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  async #keepRunning(): Promise<void> {
    const { clock, everyMs } = this.#options;
    while (!this.#isOver()) {
      await this.#once();
      this.#first.resolve(undefined);
      const waitMs = this.#isPassed ? everyMs : Math.min(everyMs, soonMs);
      if (!this.#isOver()) await clock.sleep(waitMs, this.#stop.signal).catch(() => undefined);
    }
  }

  async #once(): Promise<void> {
    const { run, onFailure } = this.#options;
    try {
      const verdict = await run(this.#stop.signal);
      if (verdict !== 'unknown') this.#isPassed = verdict === 'ok';
    } catch (error) {
      if (!this.#stop.signal.aborted) onFailure(error);
    }
  }
}
