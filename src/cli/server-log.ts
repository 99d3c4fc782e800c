import { type DestinationStream, type Logger, pino } from 'pino';
import { z } from 'zod';
import { PolicyDenied } from '../core/errors.js';
import { codeOf } from '../kit/error-code.js';
import { safeText } from '../kit/safe-text.js';
import { toFailure } from '../mcp/error-result.js';

const mostCauses = 4;
const mostFrames = 12;

interface LoggedError {
  readonly type: string;
  readonly code?: string;
  readonly rule?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/**
 * The server's own log. stderr, synchronously: stdout belongs to MCP, and the last lines before an end are the ones that matter. Errors are
 * cut: what they say may be a caller's own words, of which a call has 24 MiB, and whoever fills the log takes the disk of all others.
 */
export function openLog(
  level: string,
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger {
  return pino({ level, serializers: { err: (thrown: unknown) => loggedError(thrown, mostCauses) } }, destination);
}

/** Nothing but what is named here: lists that an error has, such as the issues of arguments, are as long as the caller wants. */
function loggedError(thrown: unknown, causesLeft: number): LoggedError {
  if (!(thrown instanceof Error))
    return { type: typeof thrown, message: typeof thrown === 'string' ? short(thrown) : '' };
  const { cause } = thrown;
  const code = codeOf(thrown);
  const stack = framesOf(thrown);
  return {
    type: short(thrown.name),
    ...(code === undefined ? {} : { code: short(code) }),
    ...(thrown instanceof PolicyDenied ? { rule: thrown.ruleId } : {}),
    // The message of bad arguments is made of all of them when it is read.
    message: short(thrown instanceof z.ZodError ? toFailure(thrown).message : thrown.message),
    ...(stack === '' ? {} : { stack }),
    ...(cause === undefined || causesLeft === 0 ? {} : { cause: loggedError(cause, causesLeft - 1) }),
  };
}

/** A stack begins with the whole message, which is left out. */
function framesOf({ stack = '' }: Error): string {
  const frames = stack
    .slice(-4000)
    .split('\n')
    .filter((line) => line.startsWith('    at '));
  return safeText(frames.slice(0, mostFrames).join('\n'), 4000);
}

function short(text: string): string {
  return safeText(text, 500);
}
