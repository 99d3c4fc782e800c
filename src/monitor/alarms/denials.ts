import type { AlarmThresholds } from '../../core/alarm-thresholds.js';
import type { Clock } from '../../kit/clock.js';
import type { AlarmSink } from './alarm.js';

/** Counts what policy refuses to the callers of one process, those who come in over its control sockets included: many in a row are a caller that probes, or one that does not read. */
export class Denials {
  readonly #sink: AlarmSink;
  readonly #clock: Clock;
  readonly #thresholds: AlarmThresholds;
  #times: readonly number[] = [];

  constructor(sink: AlarmSink, clock: Clock, thresholds: AlarmThresholds) {
    this.#sink = sink;
    this.#clock = clock;
    this.#thresholds = thresholds;
  }

  add(): void {
    const { denials, denialsWithinMs } = this.#thresholds;
    const nowMs = this.#clock.monotonic();
    const recent = this.#times.filter((atMs) => nowMs - atMs < denialsWithinMs);
    if (recent.length === 0) this.#sink.clear('denials');
    this.#times = [...recent, nowMs].slice(-denials);
    if (this.#times.length < denials) return;
    const text = `policy refused ${denials} calls within ${Math.round(denialsWithinMs / 1000)} s`;
    this.#sink.raise({ kind: 'denials', level: 'warning', text, values: { denials } });
  }
}
