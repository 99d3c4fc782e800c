import type { Ready } from './check.js';
import { LeftAlone } from './left-alone.js';
import type { Outcome } from './result.js';
import type { Staged, Step } from './step.js';

export function outcomeOf(path: string, what: 'applied' | 'same' | LeftAlone): Outcome {
  if (!(what instanceof LeftAlone)) return { path, result: what };
  const { why, keptAs } = what;
  const reason = typeof why === 'string' ? { conflict: why } : { withheld: why };
  return { path, result: 'left', ...reason, ...(keptAs === undefined ? {} : { keptAs }) };
}

interface Happened {
  readonly staged: ReadonlyMap<number, Staged>;
  /** Changes that were left alone before anything was done. */
  readonly left: ReadonlyMap<number, LeftAlone>;
  /** Steps that were left alone. */
  readonly failed: ReadonlyMap<number, LeftAlone>;
}

/** What became of each change, from what became of its steps. */
export function outcomesOf(
  ready: readonly Ready[],
  steps: readonly Step[],
  { staged, left, failed }: Happened,
): readonly Outcome[] {
  const failures = new Map<number, { readonly path: string; readonly why: LeftAlone }[]>();
  const content = new Map<number, Staged>();
  for (const [index, { of, path }] of steps.entries()) {
    const why = failed.get(index);
    if (why !== undefined) failures.set(of, [...(failures.get(of) ?? []), { path, why }]);
    const one = staged.get(index);
    if (one !== undefined) content.set(of, one);
  }
  return ready.flatMap(({ change: { path } }, of) => {
    const early = left.get(of);
    if (early !== undefined) return [outcomeOf(path, early)];
    const own = failures.get(of) ?? [];
    const elsewhere = own.filter((one) => one.path !== path).map((one) => outcomeOf(one.path, one.why));
    const mine = own.find((one) => one.path === path);
    if (mine !== undefined) return [outcomeOf(path, mine.why), ...elsewhere];
    const { sha256, sizeBytes } = content.get(of) ?? {};
    const digest = sha256 === undefined || sizeBytes === undefined ? {} : { sha256, sizeBytes };
    return [{ ...outcomeOf(path, 'applied'), ...digest }, ...elsewhere];
  });
}
