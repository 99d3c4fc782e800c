import { known } from '../kit/known.js';

export const trendMetrics = ['memoryBytes', 'cpuMillis', 'pids'] as const;
export type TrendMetric = (typeof trendMetrics)[number];

/** One metric over one window; the average is over time, not over samples, which come at different rates. */
export interface Trend {
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  readonly last: number;
}

/** Of one window, what is known. */
export type TrendsOfWindow = { readonly [metric in TrendMetric]?: Trend };

export const trendWindows = { '1m': 60_000, '5m': 300_000, '15m': 900_000 } as const;
export type TrendWindow = keyof typeof trendWindows;

/** Younger sessions have in every window what there is. */
export type Trends = { readonly [window in TrendWindow]: TrendsOfWindow };

/** A quarter of an hour at one sample a second, and some more. */
const capacity = 960;
const fields = 1 + trendMetrics.length;

/** The last samples of one session: some 30 kB, however long it lives. What is not known is NaN. */
export class TrendRing {
  readonly #values = new Float64Array(capacity * fields);
  #next = 0;
  #length = 0;

  add(atMs: number, values: { readonly [metric in TrendMetric]?: number }): void {
    const base = this.#next * fields;
    this.#values[base] = atMs;
    trendMetrics.forEach((metric, i) => {
      this.#values[base + 1 + i] = values[metric] ?? Number.NaN;
    });
    this.#next = (this.#next + 1) % capacity;
    this.#length = Math.min(this.#length + 1, capacity);
  }

  trends(nowMs: number): Trends {
    const of = (windowMs: number): TrendsOfWindow => {
      const entries = trendMetrics.map((metric, i) => [metric, this.#trend(1 + i, nowMs - windowMs)] as const);
      return known(Object.fromEntries(entries));
    };
    const { '1m': short, '5m': middle, '15m': long } = trendWindows;
    return { '1m': of(short), '5m': of(middle), '15m': of(long) };
  }

  /** A sample stands for the time since the one before it, of which only what lies within the window counts. */
  #trend(field: number, fromMs: number): Trend | undefined {
    const seen = {
      min: Number.POSITIVE_INFINITY,
      max: Number.NEGATIVE_INFINITY,
      last: Number.NaN,
      sum: 0,
      weightMs: 0,
    };
    let before = Number.NaN;
    for (let i = 0; i < this.#length; i += 1) {
      const base = ((this.#next - this.#length + i + capacity) % capacity) * fields;
      const [atMs, value] = [this.#values[base] ?? 0, this.#values[base + field] ?? Number.NaN];
      const weightMs = Math.max(1, atMs - Math.max(Number.isNaN(before) ? atMs : before, fromMs));
      before = atMs;
      if (atMs <= fromMs || Number.isNaN(value)) continue;
      seen.min = Math.min(seen.min, value);
      seen.max = Math.max(seen.max, value);
      seen.sum += value * weightMs;
      seen.weightMs += weightMs;
      seen.last = value;
    }
    const { min, max, last, sum, weightMs } = seen;
    return weightMs === 0 ? undefined : { min, avg: Math.round(sum / weightMs), max, last };
  }
}
