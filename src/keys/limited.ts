import { PaddockError } from '../core/errors.js';
import { formatDuration } from '../core/units.js';

/** A refusal that says after how long to come again. */
export function limited(
  message: string,
  waitMs: number,
  code: 'RATE_LIMITED' | 'QUOTA_EXCEEDED' = 'RATE_LIMITED',
): PaddockError {
  const retryAfterMs = Math.max(1, Math.ceil(waitMs));
  return new PaddockError(code, message, {
    info: { retryAfterMs },
    hint: `Call again in ${formatDuration(Math.max(1000, retryAfterMs))}; until then this key gets no more.`,
  });
}
