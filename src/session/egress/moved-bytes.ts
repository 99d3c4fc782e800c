import type { Moved } from '../../egress/budget.js';
import { NumbersFile } from '../../kit/numbers-file.js';

/** A holder that is killed makes the next one count this part of the cap too much, and never too little; so often at most it is written. */
const steps = 256;

/**
 * What a session that outlives its holders has moved under all of them, in a small file. It is kept ahead of what has gone: whoever comes after
 * a kill begins with no less than that. What is there and can't be read counts as everything; where nothing can be written, the next holder counts less.
 */
export class MovedBytes implements Moved, Disposable {
  readonly before: number;
  readonly #file: NumbersFile;
  readonly #step: number;
  #total: number;
  #kept: number;

  /** `cap`: bytes that the session may move in all. */
  constructor(path: string, cap: number) {
    this.#file = new NumbersFile(path, 1);
    this.before = this.#file.before?.[0] ?? cap;
    this.#step = Math.max(1, Math.floor(cap / steps));
    this.#total = this.before;
    this.#kept = this.before;
  }

  note(total: number): void {
    this.#total = total;
    if (total <= this.#kept) return;
    this.#kept = total + this.#step;
    this.#file.write([this.#kept]);
  }

  /** From here on the number is exact. */
  [Symbol.dispose](): void {
    this.#file.write([this.#total]);
    this.#file[Symbol.dispose]();
  }
}
