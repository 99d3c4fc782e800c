import type { Clock } from '../kit/clock.js';

export const timeUp = Symbol('time is up');

/** What comes of the work, or `timeUp`. Rejects as the work does, and with an AbortError when the signal fires; the work goes on then. */
export async function within<T>(
  work: Promise<T>,
  ms: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<T | typeof timeUp> {
  const over = new AbortController();
  const stop = () => over.abort();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, clock.sleep(ms, over.signal).then((): typeof timeUp => timeUp)]);
  } finally {
    signal.removeEventListener('abort', stop);
    over.abort();
  }
}
