import { z } from 'zod';
import type { Session } from '../session/session.js';
import { endWarning } from '../session/time-text.js';

/** What a session has left, in its view. */
export const timeFields = {
  endsInMs: z.number(),
  idleTimeoutMs: z.number().optional(),
  /** Absent while a command runs: it is not idle then. */
  idleEndsInMs: z.number().optional(),
};

export function timesLeft({ record, idleness }: Session, nowMs: number) {
  const { timeoutMs, leftMs } = idleness;
  return {
    endsInMs: Math.max(0, record.deadlineAtMs - nowMs),
    ...(timeoutMs === undefined ? {} : { idleTimeoutMs: timeoutMs }),
    ...(leftMs === undefined ? {} : { idleEndsInMs: Math.round(leftMs) }),
  };
}

/** For the result of a command: alarms not told yet, and what is left. A session that has ended says so by other means. */
export function warningOf(session: Session, nowMs: number): { warning?: string } {
  const ending = session.isOpen ? endWarning(timesLeft(session, nowMs)) : undefined;
  const all = [...session.notices.take(), ...(ending === undefined ? [] : [ending])];
  return all.length === 0 ? {} : { warning: all.join('; ') };
}
