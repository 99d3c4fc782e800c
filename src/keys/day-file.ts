import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NumbersFile } from '../kit/numbers-file.js';

export const dayMs = 24 * 60 * 60_000;
const count = 4;

/** What is kept of a day: how much was used of each budget, and until when that counts (epoch milliseconds). */
export type DayNumbers = readonly [cpuMs: number, cpuUntilMs: number, egressBytes: number, egressUntilMs: number];

/**
 * The day of one caller in a small file, which outlives the server. It is open only while it is read or written: there may be thousands.
 */
export class DayFile {
  readonly #path: string;

  /** `path`: in a folder that is made with it. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined: what is there is no such numbers, or can't be opened. */
  read(): DayNumbers | undefined {
    using file = this.#open();
    if (!file.isOpen && isThere(this.#path)) return undefined;
    const [cpuMs, cpuUntilMs, egressBytes, egressUntilMs] = file.before ?? [];
    if (cpuMs === undefined || cpuUntilMs === undefined) return undefined;
    return egressBytes === undefined || egressUntilMs === undefined
      ? undefined
      : [cpuMs, cpuUntilMs, egressBytes, egressUntilMs];
  }

  /** False where what is kept now is less. */
  write(numbers: DayNumbers): boolean {
    using file = this.#open();
    return file.write(numbers);
  }

  #open(): NumbersFile {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    } catch {
      // Then there is nothing to read either.
    }
    return new NumbersFile(this.#path, count);
  }
}

/** The days of all callers, in a folder of their own. */
export class DayFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `name`: a caller's, which is hexadecimal, or `all`. */
  of(name: string): DayFile {
    return new DayFile(join(this.#folder, name));
  }

  /** Removes those of callers who have used nothing for a day, among them keys that are gone: a day ends at most that long after the last use in it. */
  prune(nowMs: number): void {
    for (const name of namesIn(this.#folder)) {
      const path = join(this.#folder, name);
      const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: nowMs };
      // Also what a clock wrote that was far ahead.
      if (Math.abs(nowMs - mtimeMs) > dayMs) rmSync(path, { force: true });
    }
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
