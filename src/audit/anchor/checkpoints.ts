import { safeLine } from '../../kit/safe-text.js';
import { readLines } from '../line-reader.js';
import type { LogFile } from '../log-files.js';
import { fileName, logFile } from '../log-files.js';
import type { BadPlace, HeldSource } from '../verify-report.js';
import { type Checkpoint, isSigned, parseCheckpoint } from './checkpoint.js';
import type { PublicKey } from './host-key.js';

/** More are not held against a log; the latest count. */
const mostCheckpoints = 100_000;

/** Where checkpoints are read from. */
export interface HeadSource {
  /** For people: its path. */
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Whether other lines are among them, and something of a receiver's own in front: what a syslog daemon has written. */
  readonly isMixed?: boolean;
  /** Whether those that another key has signed are passed over, and counted: only where the caller has said which key counts. */
  readonly isShared?: boolean;
  /** Earlier ones are left out: they are of a log that was moved away. */
  readonly sinceMs?: number | undefined;
}

/** One head, and which of the places have it. */
interface Known extends Checkpoint {
  readonly of: number[];
}

/** What an anchor says of a log, to be held against its lines from the first file to the last. */
export class Checkpoints {
  readonly #byFile = new Map<number, Map<number, Known>>();
  readonly #places: { readonly name: string; checkpoints: number }[] = [];
  #count = 0;
  #unreadable = 0;
  #otherKeys = 0;
  #bad: BadPlace | undefined;

  private constructor() {}

  /**
   * Reads them from all places. One that was signed otherwise than by the key is what `bad` names, and so are two that contradict each other.
   * BAD_ARGUMENT when one can't be read.
   */
  static async read(sources: readonly HeadSource[], key: PublicKey): Promise<Checkpoints> {
    const read = new Checkpoints();
    for (const source of sources) await read.#readAll(source, key);
    return read;
  }

  async #readAll(source: HeadSource, key: PublicKey): Promise<void> {
    const { name, isMixed = false, isShared = false, sinceMs = Number.NEGATIVE_INFINITY } = source;
    this.#places.push({ name, checkpoints: 0 });
    let line = 0;
    for await (const { bytes } of readLines(source.bytes)) {
      line += 1;
      const place = { file: safeLine(name), line };
      const text = headOf(bytes.toString(), isMixed);
      // An empty one is where two writers began a fresh line behind the same torn one.
      if (text === undefined || text === '') continue;
      const checkpoint = parseCheckpoint(text);
      if (checkpoint === undefined) this.#unreadable += 1;
      else if (Date.parse(checkpoint.time) < sinceMs) continue;
      else if (checkpoint.key !== key.id && isShared) this.#otherKeys += 1;
      else if (checkpoint.key !== key.id || !isSigned(checkpoint, key)) {
        this.#bad ??= { ...place, reason: 'this checkpoint is not signed by the key of the host' };
      } else this.#add(checkpoint, place);
    }
  }

  get count(): number {
    return this.#count;
  }

  /** Those that no line has met. Of files that are there `see` and `atEnd` leave none. */
  get left(): number {
    return [...this.#byFile.values()].reduce((sum, known) => sum + known.size, 0);
  }

  /** Lines of the anchor that are none: cut short when their writer was killed. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Of those that are shared: how many another key has signed. */
  get otherKeys(): number {
    return this.#otherKeys;
  }

  get bad(): BadPlace | undefined {
    return this.#bad;
  }

  /** Of each place, in the order given: what several together hold says of none of them that it holds anything. */
  get places(): readonly HeldSource[] {
    return this.#places;
  }

  /** Why the line that ends there can't be, if a checkpoint knows it otherwise. */
  see(file: LogFile, endBytes: number, digest: string): string | undefined {
    const known = this.#byFile.get(file.number);
    const checkpoint = known?.get(endBytes);
    if (checkpoint === undefined) return undefined;
    if (checkpoint.line !== digest)
      return `the checkpoint of ${checkpoint.time} knows another line here: the log was rewritten`;
    known?.delete(endBytes);
    for (const at of checkpoint.of) {
      const place = this.#places[at];
      if (place !== undefined) place.checkpoints += 1;
    }
    return undefined;
  }

  /** What should have been in a file that ends there, and was not. */
  atEnd(file: LogFile, sizeBytes: number): string | undefined {
    for (const { bytes, time } of this.#byFile.get(file.number)?.values() ?? []) {
      return bytes > sizeBytes
        ? `the checkpoint of ${time} knows ${bytes} bytes of this file, and ${sizeBytes} are there: its end was cut off, or an older copy put in its place`
        : `the checkpoint of ${time} knows a line that ends at byte ${bytes}, and there is none: the log was rewritten`;
    }
    this.#byFile.delete(file.number);
    return undefined;
  }

  /** A file behind the last one that checkpoints know of. */
  beyond(logPath: string, last: number): BadPlace | undefined {
    for (const [number, known] of this.#byFile) {
      const [checkpoint] = known.values();
      if (number <= last || checkpoint === undefined) continue;
      const reason = `this file is missing, and the checkpoint of ${checkpoint.time} knows it: it was removed, or an older copy of the log put in place`;
      return { file: fileName(logFile(logPath, number)), line: 0, reason };
    }
    return undefined;
  }

  #add(checkpoint: Checkpoint, place: Omit<BadPlace, 'reason'>): void {
    const { file, bytes, time } = checkpoint;
    const known = this.#byFile.get(file) ?? new Map<number, Known>();
    this.#byFile.set(file, known);
    const before = known.get(bytes);
    const source = this.#places.length - 1;
    if (before !== undefined) {
      if (!before.of.includes(source)) before.of.push(source);
      const reason = `the checkpoints of ${before.time} and ${time} know different lines in one place: the log was rewritten, or put in another's place`;
      if (before.line !== checkpoint.line) this.#bad ??= { ...place, reason };
      return;
    }
    known.set(bytes, { ...checkpoint, of: [source] });
    this.#count += 1;
    if (this.#count <= mostCheckpoints) return;
    for (const [number, oldest] of this.#byFile) {
      for (const at of oldest.keys()) {
        oldest.delete(at);
        break;
      }
      if (oldest.size === 0) this.#byFile.delete(number);
      break;
    }
    this.#count -= 1;
  }
}

/** The JSON of a line: all of it, or what a receiver has put its own words in front of. Undefined for other lines among those. */
function headOf(line: string, isMixed: boolean): string | undefined {
  if (!isMixed) return line;
  const at = line.search(/\{"bytes":\d+,"file":\d+,"key":"/);
  return at < 0 ? undefined : line.slice(at).trimEnd();
}
