import type { Clock } from '../../kit/clock.js';
import type { AlarmSink } from './alarm.js';

/** One that fails now and then is one that fails. */
const clearAfterMs = 60_000;

/** Raises what is alarming about Paddock itself: an audit log that can't be written, a canary that is not as it should be. */
export class HealthAlarms {
  readonly #sink: AlarmSink;
  readonly #clock: Clock;
  #failedMs = Number.NEGATIVE_INFINITY;
  #isForwarded = true;

  constructor(sink: AlarmSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** A record was written, or could not be. */
  recorded({ isWritten }: { readonly isWritten: boolean }): void {
    const nowMs = this.#clock.monotonic();
    if (isWritten) {
      if (this.#isForwarded && nowMs - this.#failedMs >= clearAfterMs) this.#sink.clear('audit');
      return;
    }
    // Worse than what is in force then: that records don't arrive elsewhere.
    if (!this.#isForwarded && nowMs - this.#failedMs >= clearAfterMs) this.#sink.clear('audit');
    this.#failedMs = nowMs;
    const text = 'the audit log could not be written; nothing is done until it can be';
    this.#sink.raise({ kind: 'audit', level: 'critical', text, values: {} });
  }

  /** Records or heads of the audit log arrive where they are forwarded to, or no longer. */
  forwarded({ isOk, lost }: { readonly isOk: boolean; readonly lost: number }): void {
    this.#isForwarded = isOk;
    if (isOk) return;
    const text = 'the audit log is written, but what is forwarded of it does not arrive; see `audit.forward`';
    this.#sink.raise({ kind: 'audit', level: 'warning', text, values: { lost } });
  }

  /** A canary ended, as it should or not. */
  canary(isOk: boolean): void {
    if (isOk) {
      this.#sink.clear('canary');
      return;
    }
    const text = 'a sandbox was not made as it should be; check_host, or `paddock doctor`, says what is wrong';
    this.#sink.raise({ kind: 'canary', level: 'critical', text, values: {} });
  }
}
