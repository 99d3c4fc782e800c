import { setImmediate as turn } from 'node:timers/promises';

const mostAtOnceMs = 5;

/** For work that would go on without a pause: everything else has to wait for it. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #sinceMs = performance.now();

  /** `signal`: of who waits for that work. */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether this has had its time. */
  get isDue(): boolean {
    return performance.now() - this.#sinceMs >= mostAtOnceMs;
  }

  /** Lets others go on where this has had its time. Errors: the signal's. */
  async give(): Promise<void> {
    this.#signal?.throwIfAborted();
    if (!this.isDue) return;
    await turn();
    this.#signal?.throwIfAborted();
    this.#sinceMs = performance.now();
  }
}

/** What is done between two looks at the clock. */
const mostBetween = 16;

/** Does the same with each of many things, of which one takes next to nothing; others go on meanwhile. Errors: those of `turns` and `run`. */
export async function eachInTurns<T>(all: Iterable<T>, turns: Turns, run: (one: T) => void): Promise<void> {
  let left = 0;
  for (const one of all) {
    if (left === 0) {
      await turns.give();
      left = mostBetween;
    }
    left -= 1;
    run(one);
  }
}

/** As `map` of a list. */
export async function mapInTurns<T, R>(all: Iterable<T>, turns: Turns, of: (one: T) => R): Promise<R[]> {
  const made: R[] = [];
  await eachInTurns(all, turns, (one) => void made.push(of(one)));
  return made;
}

/** As `filter` of a list. */
export async function filterInTurns<T>(all: Iterable<T>, turns: Turns, isMeant: (one: T) => boolean): Promise<T[]> {
  const meant: T[] = [];
  await eachInTurns(all, turns, (one) => {
    if (isMeant(one)) meant.push(one);
  });
  return meant;
}

/** So many are sorted at once: in about a millisecond. */
const runLength = 1024;

/** As `toSorted` of a list; what is equal stays in its order. */
export async function sortInTurns<T>(
  all: readonly T[],
  turns: Turns,
  compare: (a: T, b: T) => number,
): Promise<readonly T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < all.length; at += runLength) {
    await turns.give();
    runs.push(all.slice(at, at + runLength).sort(compare));
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      const [first = [], second = []] = runs.slice(at, at + 2);
      merged.push(second.length === 0 ? first : await mapInTurns(merge(first, second, compare), turns, (one) => one));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(first: readonly T[], second: readonly T[], compare: (a: T, b: T) => number): Generator<T> {
  let next = 0;
  for (const one of first) {
    for (let other = second[next]; other !== undefined && compare(other, one) < 0; other = second[next]) {
      yield other;
      next += 1;
    }
    yield one;
  }
  yield* second.slice(next);
}
