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

const warnBelowMs = 5 * 60_000;

/**
 * What whoever works in a session should know of its end, when less than five minutes are left; undefined before. A short idle timeout
 * is no news until half of it is over.
 */
export function endWarning({ endsInMs, idleTimeoutMs = 0, idleEndsInMs }: TimesLeft): string | undefined {
  const more = (what: string) => `give it a longer ${what} (update_session, \`paddock update\`)`;
  if (endsInMs < warnBelowMs) {
    return `the session ends in ${formatDuration(endsInMs)}, whatever runs then: save what must stay outside of it, or ${more('lifetime')}`;
  }
  if (idleEndsInMs === undefined || idleEndsInMs >= Math.min(warnBelowMs, idleTimeoutMs / 2)) return undefined;
  return `the session ends in ${formatDuration(idleEndsInMs)} unless a command is run in it: run one, or ${more('idleTimeout')}`;
}
