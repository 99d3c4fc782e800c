import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
/** Always as many, so that one write is the whole of it. */
const digits = 20;

/** A few whole numbers that outlive this process, in a small file. Whoever makes it disposes it; after that nothing is written. */
export class NumbersFile implements Disposable {
  /** What was there: zeros where nothing was, or can be kept; undefined for what is no such numbers. */
  readonly before: readonly number[] | undefined;
  #fd: number | undefined;

  constructor(path: string, count: number) {
    this.#fd = opened(path);
    this.before = this.#fd === undefined ? Array<number>(count).fill(0) : read(this.#fd, count);
  }

  /** Whether it could be opened: where it could not, `before` says nothing of it. */
  get isOpen(): boolean {
    return this.#fd !== undefined;
  }

  /** As many as there are, none below 0. False where it fails (the disk is full): the next one tries again. */
  write(numbers: readonly number[]): boolean {
    if (this.#fd === undefined) return false;
    const whole = numbers.map((number) => Math.min(Math.ceil(number), Number.MAX_SAFE_INTEGER));
    const text = whole.map((number) => String(number).padStart(digits, '0')).join(' ');
    try {
      return writeSync(this.#fd, text, 0) === text.length;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch {
    return undefined;
  }
}

function read(fd: number, count: number): readonly number[] | undefined {
  const length = count * (digits + 1) - 1;
  const buffer = Buffer.alloc(length + 1);
  const text = buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
  if (text === '') return Array<number>(count).fill(0);
  return text.length === length && /^\d{20}(?: \d{20})*$/.test(text) ? text.split(' ').map(Number) : undefined;
}
