import { eachInTurns, Turns } from '../../kit/turns.js';
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
export async function outcomesOf(
  ready: readonly Ready[],
  steps: readonly Step[],
  { staged, left, failed }: Happened,
): Promise<readonly Outcome[]> {
  const turns = new Turns();
  const failures = new Map<number, Failure[]>();
  const content = new Map<number, Staged>();
  await eachInTurns(steps.entries(), turns, ([index, { of, path }]) => {
    const why = failed.get(index);
    if (why !== undefined)
      failures
        .set(of, failures.get(of) ?? [])
        .get(of)
        ?.push({ path, why });
    const one = staged.get(index);
    if (one !== undefined) content.set(of, one);
  });
  const outcomes: Outcome[] = [];
  await eachInTurns(ready.entries(), turns, ([of, { change }]) => {
    const early = left.get(of);
    if (early !== undefined) outcomes.push(outcomeOf(change.path, early));
    else outcomes.push(...ofSteps(change.path, failures.get(of), content.get(of)));
  });
  return outcomes;
}

interface Failure {
  readonly path: string;
  readonly why: LeftAlone;
}

function ofSteps(path: string, failures: readonly Failure[] = [], content: Partial<Staged> = {}): readonly Outcome[] {
  const elsewhere = failures.filter((one) => one.path !== path).map((one) => outcomeOf(one.path, one.why));
  const mine = failures.find((one) => one.path === path);
  if (mine !== undefined) return [outcomeOf(path, mine.why), ...elsewhere];
  const { sha256, sizeBytes } = content;
  const digest = sha256 === undefined || sizeBytes === undefined ? {} : { sha256, sizeBytes };
  return [{ ...outcomeOf(path, 'applied'), ...digest }, ...elsewhere];
}
