import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import type { Moved } from '../../egress/budget.js';

const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
/** Always as many, so that one write is the whole of it. */
const digits = 20;
/** A holder that is killed makes the next one count this part of the cap too much, and never too little; so often at most it is written. */
const steps = 256;

/**
 * What a session that outlives its holders has moved under all of them, in a small file. It is kept ahead of what has gone: whoever comes after
 * a kill begins with no less than that. What is there and can't be read counts as everything; where nothing can be written, the next holder counts less.
 */
export class MovedBytes implements Moved, Disposable {
  readonly before: number;
  readonly #fd: number | undefined;
  readonly #step: number;
  #total: number;
  #kept: number;

  /** `cap`: bytes that the session may move in all. */
  constructor(path: string, cap: number) {
    this.#fd = opened(path);
    this.before = this.#fd === undefined ? 0 : (read(this.#fd) ?? cap);
    this.#step = Math.max(1, Math.floor(cap / steps));
    this.#total = this.before;
    this.#kept = this.before;
  }

  note(total: number): void {
    this.#total = total;
    if (total <= this.#kept) return;
    this.#kept = total + this.#step;
    this.#write(this.#kept);
  }

  /** From here on the number is exact. */
  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    this.#write(this.#total);
    closeSync(this.#fd);
  }

  #write(total: number): void {
    if (this.#fd === undefined) return;
    try {
      writeSync(this.#fd, String(total).padStart(digits, '0'), 0);
    } catch {
      // The disk is full: the next step tries again.
    }
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch {
    return undefined;
  }
}

/** 0 where nothing has been written yet; undefined for what is no such number. */
function read(fd: number): number | undefined {
  const buffer = Buffer.alloc(digits + 1);
  const text = buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
  if (text === '') return 0;
  return /^\d{20}$/.test(text) ? Number(text) : undefined;
}
