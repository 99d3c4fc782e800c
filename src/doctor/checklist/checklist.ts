import { canaryCheck } from '../checks/canary.js';
import type { DoctorContext } from '../context.js';
import { runChecks } from '../doctor.js';
import { hostChecks } from '../host-checks.js';
import { type Check, type CheckReport, type CheckStatus, summarise } from '../report.js';
import { auditWrittenCheck } from './audit-written.js';
import { boxes, checklistChecks } from './boxes.js';
import { benchmark, cisRows, notApplicable } from './cis.js';

export interface BoxReport {
  readonly id: string;
  readonly title: string;
  readonly status: CheckStatus;
  readonly checks: readonly Check[];
}

export interface RowReport {
  readonly row: string;
  readonly title: string;
  readonly status: CheckStatus;
  /** Ids of the checks that say so. */
  readonly checks: readonly string[];
}

export interface Checklist {
  readonly schemaVersion: 1;
  readonly benchmark: string;
  readonly boxes: readonly BoxReport[];
  readonly rows: readonly RowReport[];
  readonly notApplicable: typeof notApplicable;
  readonly summary: CheckReport['summary'];
  /** As the doctor's, of the checks in the boxes. */
  readonly exitCode: number;
}

/** Runs the doctor with the checks that only this looks at, and sorts what they found into boxes and rows. Errors: INTERRUPTED. */
export async function runChecklist(ctx: DoctorContext, signal: AbortSignal): Promise<Checklist> {
  const startedAtMs = ctx.clock.now();
  const { checks } = await runChecks([...hostChecks, ...checklistChecks, canaryCheck], ctx, signal);
  const canaryRan = checks.some(({ id, status }) => id === canaryCheck.id && status === 'pass');
  const { checks: after } = await runChecks([auditWrittenCheck(startedAtMs, canaryRan)], ctx, signal);
  return sorted([...checks, ...after]);
}

/** Of each box the worst that one of its checks says. A box or row of which no check said anything is `unknown`. */
export function sorted(checks: readonly Check[]): Checklist {
  const of = (ids: readonly string[]) => checks.filter(({ id }) => ids.includes(id));
  const boxReports = boxes.map(({ id, title, checks: ids }) => ({
    id,
    title,
    status: worst(of(ids)),
    checks: of(ids),
  }));
  const seen = [...new Set(boxReports.flatMap((box) => box.checks))];
  const { summary, exitCode } = summarise(seen);
  return {
    ...{ schemaVersion: 1, benchmark, boxes: boxReports, notApplicable, summary, exitCode },
    rows: cisRows.map(({ row, title, checks: ids }) => ({ row, title, status: worst(of(ids)), checks: ids })),
  };
}

function worst(checks: readonly Check[]): CheckStatus {
  const order: readonly CheckStatus[] = ['fail', 'unknown', 'warn', 'pass'];
  return order.find((status) => checks.some((check) => check.status === status)) ?? 'unknown';
}

const mark: Readonly<Record<CheckStatus, string>> = { pass: '[x]', warn: '[~]', fail: '[ ]', unknown: '[?]' };

export function checklistText({ boxes: all, rows, summary }: Checklist): string {
  const lines = all.flatMap((box) => [
    `${mark[box.status]} ${box.title}`,
    ...box.checks.flatMap(({ id, status, evidence, remedy }) => [
      `      ${status.toUpperCase().padEnd(7)} ${id}: ${evidence}`,
      ...(remedy === undefined ? [] : [`              remedy: ${remedy}`]),
    ]),
  ]);
  const counted = (['pass', 'warn', 'fail', 'unknown'] as const)
    .map((status) => [status, rows.filter((row) => row.status === status).map(({ row }) => row)] as const)
    .filter(([, found]) => found.length > 0)
    .map(([status, found]) => `  ${status.toUpperCase().padEnd(7)} ${found.join(', ')}`);
  const { pass, warn, fail, unknown } = summary;
  return [
    ...lines,
    `${benchmark} (docs/doctor.md):`,
    ...counted,
    `${pass} passed, ${warn} warnings, ${fail} failed, ${unknown} undecided`,
  ].join('\n');
}
