import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '../../kit/clock.js';
import { safeLine } from '../../kit/safe-text.js';
import { canonicalJson } from '../canonical.js';
import { checkFile } from '../file-checks.js';
import { readTail, tailBytes } from '../file-tail.js';
import { listLogFiles } from '../log-files.js';
import { type Head, signHead } from './checkpoint.js';
import type { HostKey } from './host-key.js';

export interface AnchorOptions {
  /** Absolute path of the file that checkpoints are appended to; made with mode 0600 when missing. Left out: only forwarded. */
  readonly path?: string | undefined;
  readonly key: HostKey;
  /** A checkpoint is due after so many records of this process, or so long after one that none covers. */
  readonly everyRecords: number;
  readonly withinMs: number;
}

interface Parts extends AnchorOptions {
  readonly logPath: string;
  readonly clock: Clock;
  readonly onTrouble: ((what: string) => void) | undefined;
  /** Has each checkpoint as a line, whatever becomes of the file. */
  readonly forward?: ((checkpoint: string) => void) | undefined;
}

/** How long the end of a process waits for its last checkpoint: the other disk may hang. */
const lastMs = 2000;
/** After how long one that failed is tried again at first; doubled from then on, and never longer than a checkpoint may take anyway. */
const retryMs = 1000;

/**
 * Writes signed heads of a log to a file elsewhere, and to where the log is forwarded. Nothing waits for it but the end of its process: a checkpoint that
 * can't be written is told, once, and tried again, and the log goes on. The owner disposes, after the log was closed.
 */
export class AnchorWriter implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #over = new AbortController();
  #uncovered = 0;
  /** In a row: while there are any, no record makes a try of its own, however many come. */
  #failures = 0;
  #forwarded: string | undefined;
  #isWaiting = false;
  #isTold = false;
  #writing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A record was appended. */
  appended(): void {
    this.#uncovered += 1;
    this.#next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    const given = new AbortController();
    const { clock } = this.#parts;
    const last = Promise.resolve(this.#writing).then(() => this.#write());
    await Promise.race([last, clock.sleep(lastMs, given.signal).catch(() => undefined)]);
    given.abort();
  }

  #begin(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      // What was appended meanwhile, or is still without one.
      if (this.#uncovered > 0) this.#next();
    });
  }

  #next(): void {
    // The end has a last one of its own.
    if (this.#over.signal.aborted) return;
    if (this.#failures === 0 && this.#uncovered >= this.#parts.everyRecords) this.#begin();
    else this.#beginLater();
  }

  #beginLater(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const { clock, withinMs } = this.#parts;
    const afterMs = this.#failures === 0 ? withinMs : Math.min(withinMs, retryMs * 2 ** (this.#failures - 1));
    clock.sleep(afterMs, this.#over.signal).then(
      () => {
        this.#isWaiting = false;
        if (this.#uncovered > 0) this.#begin();
      },
      () => undefined,
    );
  }

  async #write(): Promise<void> {
    const covered = this.#uncovered;
    this.#uncovered = 0;
    if (await this.#isWritten()) {
      this.#failures = 0;
      return;
    }
    this.#uncovered += covered;
    this.#failures += 1;
  }

  async #isWritten(): Promise<boolean> {
    const { path, key, logPath, clock } = this.#parts;
    try {
      const head = await readHead(logPath, new Date(clock.now()).toISOString());
      if (head === undefined) {
        // An append that is under way is over by the next try: after that, and where there is none, it is torn.
        if (this.#failures > 0 || this.#over.signal.aborted) this.#tell('the log does not end in a whole record');
        return false;
      }
      const checkpoint = canonicalJson(signHead(head, key));
      this.#forward(head, checkpoint);
      if (path !== undefined) await append(path, `${checkpoint}\n`);
      this.#isTold = false;
      return true;
    } catch (error) {
      this.#tell(safeLine(error instanceof Error ? error.message : String(error)));
      return false;
    }
  }

  #tell(why: string): void {
    const { path, onTrouble } = this.#parts;
    const what = path === undefined ? 'a signed head' : `the anchor ${safeLine(path)}`;
    if (!this.#isTold) onTrouble?.(`${what} of the audit log could not be written: ${why}`);
    this.#isTold = true;
  }

  /** Once each: what only the file lacks is not sent with every try. */
  #forward({ file, bytes }: Head, checkpoint: string): void {
    const place = `${file}:${bytes}`;
    if (place !== this.#forwarded) this.#parts.forward?.(checkpoint);
    this.#forwarded = place;
  }
}

/** Undefined while the log does not end in a whole line: another moment will do. On the disk before it is signed. */
async function readHead(logPath: string, time: string): Promise<Head | undefined> {
  const newest = listLogFiles(logPath).at(-1);
  if (newest === undefined) throw new Error('the log is not there');
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(newest.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { size } = await handle.stat();
    await handle.datasync();
    const tail = readTail(newest.path, await endOf(handle, size), size <= tailBytes);
    if (tail.lastLineSha256 === undefined || tail.repairs !== undefined || tail.isTorn) return undefined;
    return { time, file: newest.number, bytes: size, line: tail.lastLineSha256 };
  } finally {
    await handle.close();
  }
}

async function endOf(handle: FileHandle, size: number): Promise<Buffer> {
  const from = Math.max(0, size - tailBytes);
  const buffer = Buffer.alloc(size - from);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
  return buffer.subarray(0, bytesRead);
}

/** One write(2), on a line of its own: what a full disk has let through of an earlier one stays, and costs no more than that one. */
async function append(path: string, line: string): Promise<void> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const stats = await handle.stat();
    checkFile(path, stats);
    const bytes = Buffer.from((await isTorn(handle, stats.size)) ? `\n${line}` : line);
    const { bytesWritten } = await handle.write(bytes);
    if (bytesWritten !== bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function isTorn(handle: FileHandle, sizeBytes: number): Promise<boolean> {
  if (sizeBytes === 0) return false;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, sizeBytes - 1);
  return buffer[0] !== 0x0a;
}
