import { z } from 'zod';

export const checkStatuses = ['pass', 'warn', 'fail', 'unknown'] as const;

/** One doctor probe's finding. */
export const checkSchema = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(checkStatuses),
  /** What was seen, in words with numbers. */
  evidence: z.string(),
  /** What to type or change; absent when nothing needs doing. */
  remedy: z.string().optional(),
});

export const reportSchema = z.object({
  schemaVersion: z.literal(1),
  checks: z.array(checkSchema),
  summary: z.object({ pass: z.number(), warn: z.number(), fail: z.number(), unknown: z.number() }),
  /** 0 all well, 1 something fails, 2 can't tell. */
  exitCode: z.number(),
});

export type Check = z.output<typeof checkSchema>;
export type CheckStatus = Check['status'];
export type CheckReport = z.output<typeof reportSchema>;

/** Warnings do not fail the host; a check that could not be made leaves it undecided. */
export function summarise(checks: readonly Check[]): CheckReport {
  const count = (status: CheckStatus) => checks.filter((c) => c.status === status).length;
  const summary = { pass: count('pass'), warn: count('warn'), fail: count('fail'), unknown: count('unknown') };
  const exitCode = summary.fail > 0 ? 1 : summary.unknown > 0 ? 2 : 0;
  return { schemaVersion: 1, checks: [...checks], summary, exitCode };
}

export function reportText(report: CheckReport): string {
  const lines = report.checks.flatMap((c) => [
    `${c.status.toUpperCase().padEnd(7)} ${c.id}: ${c.evidence}`,
    ...(c.remedy === undefined ? [] : [`        remedy: ${c.remedy}`]),
  ]);
  const { pass, warn, fail, unknown } = report.summary;
  return [...lines, `${pass} passed, ${warn} warnings, ${fail} failed, ${unknown} undecided`].join('\n');
}
