import { z } from 'zod';
import type { Session } from '../session/session.js';

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
    ...(leftMs === undefined ? {} : { idleEndsInMs: leftMs }),
  };
}
