import { toPaddockError } from '../core/errors.js';
import { safeText } from '../kit/safe-text.js';
import { canaryCheck } from './checks/canary.js';
import type { DoctorCheck, DoctorContext, Finding } from './context.js';
import { hostChecks } from './host-checks.js';
import { type Check, type CheckReport, summarise } from './report.js';

const defaultTimeoutMs = 15_000;

/**
 * Runs every check: those that only look, side by side; then the canary, so that it does not disturb what they
 * measure. A check that throws or takes too long is `unknown` with the reason. Changes nothing but for the canary, which
 * is gone again on return. Errors: INTERRUPTED.
 */
export async function runDoctor(ctx: DoctorContext, signal: AbortSignal): Promise<CheckReport> {
  return runChecks([...hostChecks, canaryCheck], ctx, signal);
}

/** The canary alone. Errors: INTERRUPTED. */
export async function runCanaryCheck(ctx: DoctorContext, signal: AbortSignal): Promise<CheckReport> {
  return runChecks([canaryCheck], ctx, signal);
}

/** All but the last side by side, the last one after them; the report is in the order given. Errors: INTERRUPTED. */
export async function runChecks(
  checks: readonly DoctorCheck[],
  ctx: DoctorContext,
  signal: AbortSignal,
): Promise<CheckReport> {
  const looked = await Promise.all(checks.slice(0, -1).map((check) => runOne(check, ctx, signal)));
  const last = await Promise.all(checks.slice(-1).map((check) => runOne(check, ctx, signal)));
  if (signal.aborted) throw toPaddockError(new DOMException('aborted', 'AbortError'));
  return summarise([...looked, ...last].flat());
}

async function runOne(check: DoctorCheck, ctx: DoctorContext, signal: AbortSignal): Promise<Check[]> {
  const timeoutMs = check.timeoutMs ?? defaultTimeoutMs;
  const timer = new AbortController();
  const both = AbortSignal.any([signal, timer.signal]);
  const isLate = ctx.clock.sleep(timeoutMs, both).then(
    () => {
      timer.abort();
      return undecided(`no answer within ${timeoutMs / 1000} s`);
    },
    // The caller gave up: `runChecks` says so.
    () => (signal.aborted ? undecided('cancelled') : new Promise<never>(() => undefined)),
  );
  try {
    const found = await Promise.race([attempt(check, ctx, both), isLate]);
    return [found].flat().map((finding) => toCheck(check, finding));
  } finally {
    timer.abort();
  }
}

async function attempt(
  check: DoctorCheck,
  ctx: DoctorContext,
  signal: AbortSignal,
): Promise<Finding | readonly Finding[]> {
  try {
    return await check.run(ctx, signal);
  } catch (thrown) {
    const error = toPaddockError(thrown);
    return undecided(`${error.code}: ${error.message}`, error.code === 'INTERNAL' ? undefined : error.hint);
  }
}

function undecided(evidence: string, remedy?: string): Finding {
  return { status: 'unknown', evidence, remedy: remedy ?? 'Run `paddock doctor` again; if it stays, report it.' };
}

function toCheck(check: DoctorCheck, finding: Finding): Check {
  const { status, evidence, remedy, part, title } = finding;
  return {
    id: part === undefined ? check.id : `${check.id}.${part}`,
    title: title ?? check.title,
    status,
    // Versions, paths and messages come from engines and files: nothing of them reaches a terminal raw.
    evidence: safeText(evidence, 2000),
    ...(remedy === undefined ? {} : { remedy: safeText(remedy, 2000) }),
  };
}
