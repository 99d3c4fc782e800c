import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { errorTable, PaddockError, PolicyDenied, toPaddockError } from '../core/errors.js';
import { safeText } from '../kit/safe-text.js';

/** What a failed call comes to: the code, what happened, and what to do next. */
export interface CallFailure {
  readonly code: PaddockError['code'];
  readonly ruleId: string | undefined;
  readonly message: string;
  readonly next: string;
  readonly retryable: boolean;
  /** After which it may succeed, where that is known. */
  readonly retryAfterMs?: number;
}

/** Anything thrown by a tool as a failure; bad arguments become BAD_ARGUMENT with the place that was wrong. */
export function toFailure(thrown: unknown): CallFailure {
  const error = thrown instanceof z.ZodError ? badArgument(thrown) : toPaddockError(thrown);
  const ruleId = error instanceof PolicyDenied ? error.ruleId : error.info['ruleId'];
  const { retryAfterMs } = error.info;
  return {
    code: error.code,
    ruleId: typeof ruleId === 'string' ? ruleId : undefined,
    message: safeText(error.message, 2000),
    next: error.hint,
    retryable: errorTable[error.code].retryable,
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
  };
}

/**
 * A failure as a tool result. Text only, and the code for programs in `_meta`: clients check structuredContent of an
 * error against the tool's output schema too, and would report that instead of the reason.
 */
export function failureResult(failure: CallFailure): CallToolResult {
  const rule = failure.ruleId === undefined ? '' : ` [rule ${failure.ruleId}]`;
  const { code, ruleId, retryable, retryAfterMs } = failure;
  const more = { ...(ruleId === undefined ? {} : { ruleId }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return {
    isError: true,
    content: [{ type: 'text', text: `${code}${rule}: ${failure.message}\nNext: ${failure.next}` }],
    _meta: { 'dev.paddock/error': { code, retryable, ...more } },
  };
}

function badArgument(error: z.ZodError): PaddockError {
  const where = error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.map(String).join('.') || 'arguments';
    // Both are made of the caller's own names, which may be long.
    return `${path.slice(0, 200)}: ${issue.message.slice(0, 300)}`;
  });
  return new PaddockError('BAD_ARGUMENT', where.join('; '), { cause: error });
}
