import { safeLine } from '../../kit/safe-text.js';
import { readBytes, readLines } from '../line-reader.js';
import type { LogFile } from '../log-files.js';
import { fileName, logFile } from '../log-files.js';
import type { BadPlace } from '../verify-report.js';
import { type Checkpoint, isSigned, parseCheckpoint } from './checkpoint.js';
import type { PublicKey } from './host-key.js';

/** More are not held against a log; the latest count. */
const mostCheckpoints = 100_000;

/** What an anchor says of a log, to be held against its lines from the first file to the last. */
export class Checkpoints {
  readonly path: string;
  readonly #byFile = new Map<number, Map<number, Checkpoint>>();
  #count = 0;
  #unreadable = 0;
  #bad: BadPlace | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /** Reads an anchor. One signed otherwise than by the key is what `bad` names. BAD_ARGUMENT when it can't be read. */
  static async read(path: string, key: PublicKey): Promise<Checkpoints> {
    const read = new Checkpoints(path);
    let line = 0;
    for await (const { bytes } of readLines(readBytes(path))) {
      line += 1;
      const checkpoint = parseCheckpoint(bytes.toString());
      if (checkpoint === undefined) read.#unreadable += 1;
      else if (checkpoint.key !== key.id || !isSigned(checkpoint, key)) {
        read.#bad ??= { file: safeLine(path), line, reason: 'this checkpoint is not signed by the key of the host' };
      } else read.#add(checkpoint);
    }
    return read;
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

  get bad(): BadPlace | undefined {
    return this.#bad;
  }

  /** Why the line that ends there can't be, if a checkpoint knows it otherwise. */
  see(file: LogFile, endBytes: number, digest: string): string | undefined {
    const known = this.#byFile.get(file.number);
    const checkpoint = known?.get(endBytes);
    if (checkpoint === undefined) return undefined;
    if (checkpoint.line !== digest)
      return `the checkpoint of ${checkpoint.time} knows another line here: the log was rewritten`;
    known?.delete(endBytes);
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

  #add(checkpoint: Checkpoint): void {
    const { file, bytes } = checkpoint;
    const known = this.#byFile.get(file) ?? new Map<number, Checkpoint>();
    this.#byFile.set(file, known);
    if (known.has(bytes) && known.get(bytes)?.line === checkpoint.line) return;
    known.set(bytes, checkpoint);
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
