import { SessionError } from '../core/errors.js';
import { formatDuration } from '../core/units.js';

/** The rule that ends an idle session, as the audit log and errors name it. */
export const idleRule = 'sessions.idle';

/** Why a session ended that was idle for too long, for people. */
export function idleWords(idleTimeoutMs: number | undefined): string {
  return `it was idle for ${formatDuration(idleTimeoutMs ?? 0)} (${idleRule})`;
}

/** The error of whoever comes to a session after its end. */
export function sessionEnded(id: string, why?: string): SessionError {
  return new SessionError('SESSION_ENDED', `session ${id} has ended${why === undefined ? '' : `: ${why}`}`);
}

/** The same for one that was idle for too long. */
export function endedIdle(id: string, idleTimeoutMs: number | undefined): SessionError {
  return new SessionError('SESSION_ENDED', `session ${id} has ended: ${idleWords(idleTimeoutMs)}`, {
    hint: 'Create a new one; idleTimeout (--idle) says how long it may be without a command.',
    info: { ruleId: idleRule },
  });
}
