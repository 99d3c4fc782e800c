import type { AlarmThresholds } from '../../core/alarm-thresholds.js';
import type { Clock } from '../../kit/clock.js';
import type { Sample } from '../monitor.js';
import type { AlarmBook } from './alarm-book.js';
import { type Condition, conditionsOf, type HostFacts } from './conditions.js';

interface Since {
  /** Without a break; on the monotonic clock. */
  overMs?: number | undefined;
  belowMs?: number | undefined;
}

interface Seen {
  readonly sample: Sample;
  readonly since: Map<string, Since>;
}

/** What has gone has to stay away for so long before the same may be told again. */
const clearAfterMs = 60_000;

export interface SampleAlarmsOptions {
  readonly book: AlarmBook;
  readonly thresholds: AlarmThresholds;
  readonly clock: Clock;
  readonly host: () => HostFacts;
}

/** Turns the samples of sessions into alarms: what is over its threshold for long enough, told once until it has gone. */
export class SampleAlarms {
  readonly #options: SampleAlarmsOptions;
  readonly #seen = new Map<string, Seen>();

  constructor(options: SampleAlarmsOptions) {
    this.#options = options;
  }

  look(session: string, sample: Sample): void {
    const { host, thresholds } = this.#options;
    const before = this.#seen.get(session);
    const since = before?.since ?? new Map<string, Since>();
    this.#seen.set(session, { sample, since });
    // Counters of a session that another process held before say nothing of now: the first sample is what later ones are compared to.
    if (before === undefined) return;
    for (const condition of conditionsOf(before.sample, sample, host(), thresholds)) {
      const one = since.get(condition.kind) ?? {};
      since.set(condition.kind, one);
      this.#judge(session, condition, one);
    }
  }

  forget(session: string): void {
    this.#seen.delete(session);
    this.#options.book.forget(session);
  }

  #judge(session: string, { kind, isOver, isWellBelow, forMs, notice }: Condition, since: Since): void {
    const { book, clock } = this.#options;
    const nowMs = clock.monotonic();
    since.overMs = isOver ? (since.overMs ?? nowMs) : undefined;
    since.belowMs = isWellBelow ? (since.belowMs ?? nowMs) : undefined;
    if (since.overMs !== undefined && nowMs - since.overMs >= forMs) book.raise({ session, kind, ...notice });
    if (since.belowMs !== undefined && nowMs - since.belowMs >= clearAfterMs) book.clear(kind, session);
  }
}
