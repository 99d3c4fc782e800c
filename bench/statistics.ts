/** Durations of one operation, ours and bare, in milliseconds. */
export interface Samples {
  readonly paddock: number[];
  readonly bare: number[];
}

export interface Row {
  readonly operation: string;
  readonly samples: number;
  readonly paddockP50Ms: number;
  readonly paddockP99Ms: number;
  readonly bareP50Ms: number;
  readonly bareP99Ms: number;
  /** p50 of Paddock over p50 of the bare calls. */
  readonly ratio: number;
}

/** Durations of the calls of a create, in milliseconds. */
export interface Steps {
  readonly create: number[];
  readonly start: number[];
  readonly inspect: number[];
}

export const noSteps = (): Steps => ({ create: [], start: [], inspect: [] });

export async function timed<T>(into: number[], run: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const value = await run();
  into.push(performance.now() - startedMs);
  return value;
}

/** The nearest-rank percentile; of few samples p99 is the largest. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function rowOf(operation: string, { paddock, bare }: Samples): Row {
  const [ours, theirs] = [percentile(paddock, 50), percentile(bare, 50)];
  return {
    ...{
      operation,
      samples: paddock.length,
      paddockP50Ms: tenths(ours),
      paddockP99Ms: tenths(percentile(paddock, 99)),
    },
    ...{
      bareP50Ms: tenths(theirs),
      bareP99Ms: tenths(percentile(bare, 99)),
      ratio: Math.round((ours / theirs) * 100) / 100,
    },
  };
}

export const tenths = (ms: number): number => Math.round(ms * 10) / 10;

/** A Markdown table, as docs/performance.md holds it. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map(
    (r) =>
      `| ${r.operation} | ${r.samples} | ${r.paddockP50Ms} / ${r.paddockP99Ms} | ${r.bareP50Ms} / ${r.bareP99Ms} | ${r.ratio} |`,
  );
  return [
    '| operation | n | Paddock p50 / p99 ms | bare p50 / p99 ms | ratio of p50 |',
    '|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}
