import type { Spending, Spent } from '../../egress/broker/spending.js';
import { NumbersFile } from '../../kit/numbers-file.js';

const kinds = ['requests', 'tokens', 'costUsd', 'unpriced', 'bytes'] as const;
/** A holder that is killed makes the next one count this part of the cap on bytes too much, and never too little. */
const steps = 256;
/** Kept are millionths of a dollar, rounded up. */
const unit = { requests: 1, tokens: 1, costUsd: 1e6, unpriced: 1, bytes: 1 } as const;
const everything = Number.MAX_SAFE_INTEGER;

/**
 * What the broker of a session that outlives its holders has used up under all of them, in a small file. It is kept ahead: whoever comes after a
 * kill counts calls that were under way with the most that they could use. What is there and can't be read counts as everything.
 */
export class SpentFile implements Spending, Disposable {
  readonly before: Spent;
  readonly #file: NumbersFile;
  readonly #step: number;
  #now: Spent;
  #bytesKept: number;

  /** `bytesCap`: of bodies, that the session may move in all. */
  constructor(path: string, bytesCap: number) {
    this.#file = new NumbersFile(path, kinds.length);
    const kept = kinds.map((kind, at) => [kind, (this.#file.before?.[at] ?? everything) / unit[kind]] as const);
    this.before = Object.fromEntries(kept) as Record<(typeof kinds)[number], number>;
    this.#step = Math.max(1, Math.floor(bytesCap / steps));
    this.#now = this.before;
    this.#bytesKept = this.before.bytes;
  }

  note(spent: Partial<Spent>): void {
    const { bytes, ...others } = spent;
    this.#now = { ...this.#now, ...spent };
    if (bytes !== undefined && bytes > this.#bytesKept) this.#bytesKept = bytes + this.#step;
    else if (Object.keys(others).length === 0) return;
    this.#write(this.#bytesKept);
  }

  /** From here on the numbers are exact, but for calls that had no end. */
  [Symbol.dispose](): void {
    this.#write(this.#now.bytes);
    this.#file[Symbol.dispose]();
  }

  #write(bytes: number): void {
    const now = { ...this.#now, bytes };
    this.#file.write(kinds.map((kind) => now[kind] * unit[kind]));
  }
}
