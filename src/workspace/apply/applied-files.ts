import type { Found } from './journal.js';
import type { Step } from './step.js';

/** A path that was applied, with what it holds if that is content. */
export interface AppliedFile {
  readonly path: string;
  readonly sha256?: string | undefined;
  readonly sizeBytes?: number | undefined;
}

/** What a journal says that was applied, one for each change; `failed`: steps that were left alone. */
export function appliedFiles(
  { steps, staged, left }: Pick<Found, 'steps' | 'staged' | 'left'>,
  failed: ReadonlyMap<number, unknown>,
): readonly AppliedFile[] {
  const own = new Map<number, number>();
  for (const [index, step] of steps.entries()) {
    const known = steps[own.get(step.of) ?? -1];
    if (step.of >= 0 && !left.has(step.of) && (known === undefined || isRemoval(known))) own.set(step.of, index);
  }
  return [...own.values()].flatMap((index) => {
    const path = steps[index]?.path;
    if (path === undefined || failed.has(index)) return [];
    const { sha256, sizeBytes } = staged.get(index) ?? {};
    return [{ path, ...(sha256 === undefined ? {} : { sha256, sizeBytes }) }];
  });
}

/** Of a change with several steps it is that of its old place, or of what makes way for it. */
function isRemoval(step: Step): boolean {
  return step.do === 'remove' || step.do === 'remove-folder';
}
