import { z } from 'zod';
import { countOf } from '../../kit/count-of.js';
import { safeLine } from '../../kit/safe-text.js';
import { eachInTurns, Turns } from '../../kit/turns.js';
import type { PlaceVerdict } from '../../policy/withheld.js';
import { type Conflict, conflicts, conflictsAtShell, type Outcome } from '../../workspace/apply/result.js';

/** What became of changes, or would: each of them is in one of the lists. */
export const applyReportSchema = z.object({
  sessionId: z.string(),
  dryRun: z.boolean(),
  applied: z.array(z.object({ path: z.string(), sha256: z.string().optional(), sizeBytes: z.number().optional() })),
  /** Both sides have them already. */
  same: z.array(z.string()),
  left: z.array(
    z.object({
      path: z.string(),
      /** `withheld`, or the id of a conflict (docs/apply.md). */
      why: z.string(),
      rule: z.string().optional(),
      found: z.array(z.string()).optional(),
      next: z.string(),
      keptAs: z.string().optional(),
    }),
  ),
  /** Whether the review saw all there is. */
  isComplete: z.boolean(),
});
export type ApplyReport = z.output<typeof applyReportSchema>;
type Left = ApplyReport['left'][number];

export function leftByPlace(path: string, { rule, found }: PlaceVerdict): Left {
  return { path, why: 'withheld', rule, found: [...found], next: nameIt };
}

const nameIt =
  'The host would execute or trust it (docs/withheld.md): look at it, then name this very path to apply it.';

/** Others go on meanwhile. */
export async function reportOf(
  outcomes: readonly Outcome[],
  withheld: readonly Left[],
  about: Pick<ApplyReport, 'sessionId' | 'dryRun' | 'isComplete'>,
): Promise<ApplyReport> {
  const report: ApplyReport = { ...about, applied: [], same: [], left: [] };
  await eachInTurns(outcomes, new Turns(), (outcome) => {
    const { path, result, sha256, sizeBytes } = outcome;
    if (result === 'same') report.same.push(path);
    else if (result === 'left') report.left.push(leftFrom(outcome));
    else report.applied.push({ path, ...(sha256 === undefined ? {} : { sha256, sizeBytes }) });
  });
  return { ...report, left: [...report.left, ...withheld] };
}

function leftFrom({ path, conflict, withheld, keptAs }: Outcome): Left {
  const kept = keptAs === undefined ? {} : { keptAs };
  if (withheld !== undefined)
    return { path, why: 'withheld', ...withheld, found: [...withheld.found], next: nameIt, ...kept };
  const why: Conflict = conflict ?? 'unsupported';
  return { path, why, next: conflicts[why], ...kept };
}

/** The same for whoever sits at a shell and has options, not arguments of a tool. */
export function atShell(report: ApplyReport): ApplyReport {
  return { ...report, left: report.left.map((one) => ({ ...one, next: conflictsAtShell[one.why] ?? one.next })) };
}

/** For people and models; at most so many lines. */
export function applyText(report: ApplyReport, mostLines = 60): string {
  const { applied, same, left, dryRun, sessionId, isComplete } = report;
  const head = `${dryRun ? 'would apply' : 'applied'} ${countOf(applied.length, 'change')} of ${sessionId}, left ${left.length} alone${
    same.length === 0 ? '' : `; ${same.length} ${same.length === 1 ? 'was' : 'were'} there already`
  }`;
  const lines = [
    ...left.slice(0, mostLines).map(({ path, why, rule, found, next, keptAs }) => {
      const which = rule === undefined ? why : `${why} by ${rule} (${(found ?? []).join(', ')})`;
      return `left ${safeLine(path)}: ${which}. ${next}${keptAs === undefined ? '' : ` What was there is now ${keptAs}.`}`;
    }),
    ...applied.slice(0, mostLines).map(({ path }) => `${dryRun ? 'would apply' : 'applied'} ${safeLine(path)}`),
  ];
  const shown = lines.slice(0, mostLines).map((line) => line.slice(0, 600));
  const more = left.length + applied.length - shown.length;
  return [
    head,
    ...(isComplete ? [] : ['the review did not see all there is: there may be more']),
    ...shown,
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join('\n');
}
