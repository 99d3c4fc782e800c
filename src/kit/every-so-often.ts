import type { Clock } from './clock.js';

/** Passes on at most one word in each span of time, the first when one has passed: for those who are told far more than they show. */
export function everySoOften<T>(
  clock: Pick<Clock, 'monotonic'>,
  everyMs: number,
  tell: (word: T) => void,
): (word: T) => void {
  let nextMs = clock.monotonic() + everyMs;
  return (word) => {
    if (clock.monotonic() < nextMs) return;
    nextMs = clock.monotonic() + everyMs;
    tell(word);
  };
}
