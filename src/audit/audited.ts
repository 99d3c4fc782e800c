import { AuditError, PolicyDenied, toPaddockError } from '../core/errors.js';
import type { AuditFields, AuditIntent, AuditRecorder } from './audit-log.js';
import type { Details } from './redaction.js';

export interface AuditedAction<T> extends AuditFields {
  readonly action: string;
  readonly run: () => Promise<T>;
  /** What of the result goes into the outcome. */
  readonly describe?: (value: T) => Details | Promise<Details>;
  /** Takes back what `run` made when the outcome can't be recorded, since the caller will not get it. */
  readonly undo?: (value: T) => Promise<void>;
}

/**
 * Does something between its intent and its outcome. Fails closed: `run` is not called when the intent can't be
 * written. When the outcome can't be, `run` has happened and AUDIT_UNWRITABLE is thrown with `info.actionResult` saying
 * how it ended (its own error, or that of `undo`, as the cause); the log then shows an intent without an outcome.
 * Errors of `run` pass through once they are recorded, a denial with its rule.
 */
export async function audited<T>(log: AuditRecorder, options: AuditedAction<T>): Promise<T> {
  const { action, run, describe, undo, ...fields } = options;
  const intent = await log.intent(action, fields);
  let value: T;
  try {
    value = await run();
  } catch (error) {
    await recordFailure(intent, error);
    throw error;
  }
  try {
    await intent.outcome('ok', describe ? { details: await describe(value) } : {});
  } catch (error) {
    await undo?.(value).catch((cause: unknown) => {
      throw unrecorded(error, 'ok', cause);
    });
    throw unrecorded(error, 'ok', error);
  }
  return value;
}

async function recordFailure(intent: AuditIntent, error: unknown): Promise<void> {
  const { code } = toPaddockError(error);
  const denial = error instanceof PolicyDenied ? ({ verdict: 'deny', rule: error.ruleId } as const) : {};
  try {
    await intent.outcome(code, denial);
  } catch (auditError) {
    throw unrecorded(auditError, code, error);
  }
}

function unrecorded(auditError: unknown, actionResult: string, cause: unknown): AuditError {
  const why = toPaddockError(auditError).message;
  return new AuditError(
    'AUDIT_UNWRITABLE',
    `the action ended (${actionResult}) but its outcome was not recorded: ${why}`,
    {
      info: { actionResult },
      cause,
    },
  );
}
