import type { Clock } from '../../kit/clock.js';
import type { AlarmKind, AlarmSink } from './alarm.js';

export interface BurstOptions {
  readonly kind: AlarmKind;
  /** So many within this time are alarming. */
  readonly count: number;
  readonly withinMs: number;
  /** What happened, in the past tense, before and after how often: `policy refused`, `calls`. */
  readonly words: readonly [string, string];
  readonly sink: AlarmSink;
  readonly clock: Clock;
}

/** Raises an alarm when one thing happens often; told again once it has not happened for as long as is counted. */
export class Burst {
  readonly #options: BurstOptions;
  #times: readonly number[] = [];

  constructor(options: BurstOptions) {
    this.#options = options;
  }

  add(): void {
    const { kind, count, withinMs, words, sink, clock } = this.#options;
    const nowMs = clock.monotonic();
    const recent = this.#times.filter((atMs) => nowMs - atMs < withinMs);
    if (recent.length === 0) sink.clear(kind);
    this.#times = [...recent, nowMs].slice(-count);
    if (this.#times.length < count) return;
    const text = `${words[0]} ${count} ${words[1]} within ${Math.round(withinMs / 1000)} s`;
    sink.raise({ kind, level: 'warning', text, values: { denials: count } });
  }
}
