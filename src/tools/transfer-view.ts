import { z } from 'zod';
import { formatBytes, formatDuration } from '../core/units.js';
import { safeLine } from '../kit/safe-text.js';
import type { Session } from '../session/session.js';
import { transferText } from '../session/transfers/report.js';
import type { TransferJob } from '../session/transfers/transfer-jobs.js';
import type { ToolContext } from './define-tool.js';
import { warningOf } from './time-left.js';

/** What a client is shown of what was left out; the counts are whole. */
const mostListed = 100;
const mostLines = 24;
const everyMs = 2000;

export const transferFields = {
  direction: z.enum(['in', 'out']),
  hostPath: z.string(),
  path: z.string(),
  /** Of a copy that goes on: so far. */
  entries: z.number(),
  bytes: z.number(),
  sha256: z.string().optional(),
  leftOut: z.array(z.object({ path: z.string(), why: z.string() })),
  moreLeftOut: z.number(),
};

export const transferView = z.object(transferFields);

/** The same in the results of other tools: written out in each of them it would take a client's room for nothing. */
export const transferPart = z.record(z.string(), z.unknown()).describe('As transfer_files has it.');

/** How far a copy is, or what it came to. */
export function viewTransfer({
  outcome,
  soFar,
  direction,
  hostPath,
  path,
}: TransferJob): z.output<typeof transferView> {
  if (outcome === undefined || 'error' in outcome) {
    return { direction, hostPath, path, ...soFar, leftOut: [], moreLeftOut: 0 };
  }
  const { leftOut, moreLeftOut, entries, bytes, sha256, ...where } = outcome.report;
  const listed = leftOut.slice(0, mostListed);
  return {
    ...{ direction, hostPath: where.hostPath, path: where.path, entries, bytes, sha256, leftOut: listed },
    moreLeftOut: moreLeftOut + leftOut.length - listed.length,
  };
}

/** The same in the form that commands have for get_command and stop_command: it prints nothing. */
export function viewAsCommand(session: Session, job: TransferJob, nowMs: number) {
  const { id: commandId, outcome, startedAtMs } = job;
  const { state, durationMs } = stateOf(job, nowMs - startedAtMs);
  const nothing = { stdout: '', stderr: '', stdoutDroppedBytes: 0, stderrDroppedBytes: 0, cursor: '0.0' };
  return {
    ...{ sessionId: session.id as string, commandId: commandId as string, state, durationMs, ...nothing },
    ...{ transfer: viewTransfer(job), ...warningOf(session, nowMs), ...nextOf(job) },
    ...(outcome !== undefined && 'error' in outcome ? { error: failureOf(outcome.error) } : {}),
  };
}

export function nextOf({ outcome }: TransferJob): { readonly next?: string } {
  if (outcome !== undefined) return {};
  return {
    next: 'Still copying: call get_command with this commandId and waitMs to wait for its end, stop_command to end it.',
  };
}

export function transferJobText(job: TransferJob, nowMs: number): string {
  const { id, outcome, direction, hostPath, path, startedAtMs } = job;
  if (outcome !== undefined && 'report' in outcome) return `${id}: ${transferText(outcome.report, mostLines)}`;
  const way = (direction === 'out' ? [path, hostPath] : [hostPath, path]).map((one) => safeLine(one, 400)).join(' -> ');
  if (outcome === undefined) {
    const since = `copying since ${formatDuration(nowMs - startedAtMs)}`;
    return [`${id}: ${way}: ${since}, ${farText(job)}`, nextOf(job).next].join('\n');
  }
  const { code, message, next } = failureOf(outcome.error);
  return `${id}: ${way}: failed: ${code} ${safeLine(message, 2000)} – ${next}`;
}

/** Waits for a copy as long as that, and reports how far it is from time to time; says whether it is over. */
export async function followTransfer(
  { transfers }: Session,
  job: TransferJob,
  waitMs: number,
  { signal, progress }: ToolContext,
): Promise<boolean> {
  let seen = farText(job);
  for (let leftMs = waitMs; leftMs > 0 && !signal.aborted; leftMs -= everyMs) {
    if (await transfers.wait(job, Math.min(everyMs, leftMs), signal)) return true;
    const far = farText(job);
    if (far !== seen) progress(far);
    seen = far;
  }
  return job.outcome !== undefined;
}

function farText({ soFar: { entries, bytes } }: TransferJob): string {
  return `${entries} entries, ${formatBytes(bytes)}`;
}

function stateOf({ outcome }: TransferJob, soFarMs: number) {
  if (outcome === undefined) return { state: 'running' as const, durationMs: soFarMs };
  const { durationMs } = outcome;
  return { state: 'error' in outcome ? ('failed' as const) : ('finished' as const), durationMs };
}

function failureOf({
  code,
  message,
  hint,
}: {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}) {
  return { code, message: safeLine(message, 2000), next: hint };
}
