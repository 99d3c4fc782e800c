import type { Clock } from './clock.js';

const noLonger = 'nobody waits any longer';

/**
 * Waits for the work, `ms` at most and no longer than until the signal fires, and says whether it was done by then; it goes on when it was
 * not. Rejects as the work does while somebody waits.
 */
export async function isDoneWithin(
  work: Promise<unknown> | undefined,
  ms: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<boolean> {
  const timer = new AbortController();
  // With a reason of its own: the usual one is an error with a stack, made for every wait and thrown away.
  const stop = () => timer.abort(noLonger);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  const notYet = () => false;
  const isLate = clock.sleep(Math.max(0, ms), timer.signal).then(notYet, notYet);
  try {
    return await Promise.race([Promise.resolve(work).then(() => true), isLate]);
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}
