import { appendFile, readFile } from 'node:fs/promises';
import { fileName, type LogFile, listLogFiles } from '../../../../src/audit/log-files.js';

const recordStart = '{"action":"';

interface TornFile {
  readonly bytes: number;
  readonly parts: number;
  /** As `FILE:LINE`. */
  readonly lines: readonly string[];
}

/** Parts of records in a log, found without the verifier: a file is read again when it has grown, and remembered once it is removed. */
export class TornParts {
  readonly #path: string;
  readonly #files = new Map<number, TornFile>();

  constructor(path: string) {
    this.#path = path;
  }

  /** How many there were in all, once nobody writes. */
  async count(): Promise<number> {
    for (const file of listLogFiles(this.#path)) {
      const text = await readFile(file.path, 'latin1');
      if (text.length !== this.#files.get(file.number)?.bytes) this.#files.set(file.number, tornIn(file, text));
    }
    return [...this.#files.values()].reduce((sum, { parts }) => sum + parts, 0);
  }

  /** Adds the part of a record that somebody killed in the middle of a write leaves. False where no record is there to take it from. */
  async plant(): Promise<boolean> {
    const newest = listLogFiles(this.#path).at(-1);
    const lines = newest === undefined ? [] : (await readFile(newest.path, 'latin1')).split('\n');
    const line = lines.findLast((text) => text.startsWith(recordStart) && isWhole(text));
    if (newest === undefined || line === undefined) return false;
    const most = line.length - 1 - recordStart.length;
    await appendFile(newest.path, line.slice(0, recordStart.length + Math.floor(Math.random() * most)));
    return true;
  }

  /** The lines that they stand on, in the files that are there. */
  lines(): string[] {
    return listLogFiles(this.#path).flatMap(({ number }) => this.#files.get(number)?.lines ?? []);
  }
}

function tornIn(file: LogFile, text: string): TornFile {
  const found = text.split('\n').map(partsIn);
  const lines = found.flatMap((parts, at) => (parts > 0 ? [`${fileName(file)}:${at + 1}`] : []));
  return { bytes: text.length, parts: found.reduce((sum, parts) => sum + parts, 0), lines };
}

/** Several writers' parts, and one's whole record behind them, may share a line. */
function partsIn(line: string): number {
  const [before, ...pieces] = line.split(recordStart);
  const cut = pieces.filter((piece) => !isWhole(recordStart + piece)).length;
  return cut + (before === '' || before === undefined ? 0 : 1);
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
