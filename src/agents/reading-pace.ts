/** A small line takes some 35 µs to be read, of which 2000 in a second are a fourteenth of a processor. */
const linesPerSecond = 2000;
/** No agent prints as much at once. */
const linesAtOnce = 20_000;
/** As much more of a line takes as long as another line. */
const bytesPerLine = 4096;

/**
 * How much of what an agent prints may be looked at. All agents are read in one thread: one that floods would otherwise hold up the
 * others, and every other session, for as long as it floods.
 */
export class ReadingPace {
  readonly #now: () => number;
  #left = linesAtOnce;
  #atMs: number;

  /** `now`: milliseconds that only go forward. */
  constructor(now: () => number) {
    this.#now = now;
    this.#atMs = now();
  }

  /** Whether a line of that size may be looked at. */
  allows(bytes: number): boolean {
    const nowMs = this.#now();
    this.#left = Math.min(linesAtOnce, this.#left + ((nowMs - this.#atMs) / 1000) * linesPerSecond);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    // May go below nothing: a line that is longer than what is left is read, and the next ones wait for it.
    this.#left -= 1 + bytes / bytesPerLine;
    return true;
  }
}
