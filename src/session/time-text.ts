import { formatDuration } from '../core/units.js';

interface TimesLeft {
  readonly endsInMs: number;
  readonly idleTimeoutMs?: number | undefined;
  readonly idleEndsInMs?: number | undefined;
}

/** What a session has left, in one line. */
export function timeText({ endsInMs, idleTimeoutMs, idleEndsInMs }: TimesLeft): string {
  const lifetime = `time: ends in ${formatDuration(endsInMs)}`;
  if (idleTimeoutMs === undefined) return `${lifetime}, however idle it is`;
  const idle = formatDuration(idleTimeoutMs);
  if (idleEndsInMs === undefined) return `${lifetime}, or when it has been idle for ${idle}, which it is not now`;
  return `${lifetime}, or without a command in ${formatDuration(idleEndsInMs)} (idle for ${idle})`;
}
