import { constants, fstatSync, lstatSync, readSync, type Stats, writeSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../kit/error-code.js';
import { checkFile, checkFolder, syncFolder, undefinedIfMissing, unwritable } from './file-checks.js';
import { type FileTail, readTail, tailBytes } from './file-tail.js';
import { parseLine } from './line.js';
import { type LogFile, listLogFiles, logFile } from './log-files.js';
import { maxLineBytes } from './record.js';

/** How often the newest file is looked for anew when it went away in between: removal keeps the newest two. */
const patience = 20;

/**
 * The newest file of a log, open for appending. Refuses, with AUDIT_UNWRITABLE, anything but a regular file of ours with one
 * name and mode 0600 or tighter: a link would let its maker choose where records go, a FIFO would hang or eat them,
 * a device may act on being opened, another's file can be rewritten by its owner. The opener disposes.
 */
export class AuditFile implements AsyncDisposable {
  readonly path: string;
  readonly number: number;
  readonly #logPath: string;
  readonly #handle: FileHandle;
  readonly #dev: number;
  readonly #ino: number;
  /** For `inspect`, which leaves nothing of it behind: a new one for every record would be most of what a command allocates. */
  readonly #end = Buffer.allocUnsafe(tailBytes);
  #knownBytes = 0;
  /** Where our own last line ended, if nobody wrote before it. */
  #ownEnd = 0;
  #running: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  #last: Promise<void> | undefined;

  private constructor(logPath: string, file: LogFile, handle: FileHandle, stats: Stats) {
    this.#logPath = logPath;
    this.path = file.path;
    this.number = file.number;
    this.#handle = handle;
    this.#dev = stats.dev;
    this.#ino = stats.ino;
    this.#knownBytes = stats.size;
  }

  /** `createParent` makes missing folders, 0700; otherwise the folder must exist. */
  static async open(logPath: string, createParent: boolean): Promise<AuditFile> {
    try {
      if (createParent) await mkdir(dirname(logPath), { recursive: true, mode: 0o700 });
      checkFolder(logPath, await stat(dirname(logPath)));
      for (let round = 0; round < patience; round += 1) {
        const file = listLogFiles(logPath).at(-1) ?? logFile(logPath, 0);
        const opened = await AuditFile.#openOne(logPath, file);
        if (opened) return opened;
      }
      throw new Error('its newest file keeps going away');
    } catch (error) {
      throw unwritable(logPath, error);
    }
  }

  /** Undefined when a file that was there is gone. */
  static async #openOne(logPath: string, file: LogFile): Promise<AuditFile | undefined> {
    // Looked at before it is opened too, because opening a device can act on it; the check that counts is the second.
    const before = await lstat(file.path).catch(undefinedIfMissing);
    if (before) checkFile(file.path, before);
    else if (file.number > 0) return undefined;
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
    const flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (file.number === 0 ? O_CREAT : 0);
    const handle = await open(file.path, flags, 0o600).catch(undefinedIfMissing);
    if (handle === undefined) return undefined;
    try {
      const stats = await handle.stat();
      checkFile(file.path, stats);
      if (before === undefined) await syncFolder(dirname(file.path));
      return new AuditFile(logPath, file, handle, stats);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** As far as is known: grows with every look and every append. */
  get sizeBytes(): number {
    return this.#knownBytes;
  }

  /** Where records go on that do not belong here any more. */
  get next(): LogFile {
    return logFile(this.#logPath, this.number + 1);
  }

  /**
   * Whether records go to a later file by now. Asked before an append and after it: what was appended before the later
   * file came is below the line that this names, and what was appended after it is seen by its writer here. AUDIT_UNWRITABLE.
   */
  hasSuccessor(): boolean {
    try {
      return exists(this.next.path) || this.isRemoved();
    } catch (error) {
      throw unwritable(this.path, error);
    }
  }

  /** Whether it was one of the oldest files and has gone: while its writer had nothing to write, or looked away for long. */
  isRemoved(): boolean {
    return !exists(this.path) && (listLogFiles(this.#logPath).at(-1)?.number ?? 0) > this.number;
  }

  /** When its first record was written, in milliseconds since the epoch; undefined when it has none. */
  begunMs(): number | undefined {
    const buffer = Buffer.alloc(maxLineBytes);
    const bytes = buffer.subarray(0, readSync(this.#handle.fd, buffer, 0, buffer.length, 0));
    const end = bytes.indexOf(0x0a);
    const { record } = parseLine(bytes.subarray(0, Math.max(0, end)));
    return record && Date.parse(record.time);
  }

  /**
   * Reads the end of the file, having made sure that it is still the file of that name, and no shorter than it was:
   * records appended to a file that was removed or replaced would be lost without a word. AUDIT_UNWRITABLE otherwise;
   * AUDIT_BROKEN when what it ends in is not ours. Not through the thread pool: these calls take microseconds, and a
   * turn through the pool takes as long as the scheduler likes, four times for each record.
   */
  inspect(ownLineSha256: string | undefined): FileTail {
    try {
      const [stats, named] = [fstatSync(this.#handle.fd), lstatSync(this.path)];
      if (named.dev !== this.#dev || named.ino !== this.#ino) throw new Error('it was replaced by another file');
      checkFile(this.path, stats);
      if (stats.size < this.#knownBytes) throw new Error(`it shrank from ${this.#knownBytes} to ${stats.size} bytes`);
      this.#knownBytes = stats.size;
      // Nobody has written since our own last line: a longer look would find just that.
      if (ownLineSha256 !== undefined && stats.size === this.#ownEnd) {
        return { lastLineSha256: ownLineSha256, repairs: undefined, isTorn: false };
      }
      const from = Math.max(0, stats.size - tailBytes);
      const buffer = this.#end.subarray(0, stats.size - from);
      const bytesRead = readSync(this.#handle.fd, buffer, 0, buffer.length, from);
      if (bytesRead !== buffer.length) throw new Error('it shrank while it was read');
      return readTail(this.path, buffer, from === 0, ownLineSha256);
    } catch (error) {
      throw unwritable(this.path, error);
    }
  }

  /**
   * One write(2). The kernel serialises appends to one inode, so records of several writers never mix. AUDIT_UNWRITABLE
   * when the system refuses it or takes only a part; the part stays, and the next writer starts a fresh line behind it.
   * At most one record, into the page cache: the disk is waited for in `sync`.
   */
  append(bytes: Buffer): void {
    try {
      const bytesWritten = writeSync(this.#handle.fd, bytes, 0, bytes.length, null);
      if (bytesWritten !== bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`);
      this.#knownBytes += bytes.length;
      this.#ownEnd = this.#knownBytes;
    } catch (error) {
      throw unwritable(this.path, error);
    }
  }

  /** fdatasync; callers that come while one runs share the next. AUDIT_UNWRITABLE when it fails. */
  async sync(): Promise<void> {
    if (this.#last) {
      await this.#last;
      return;
    }
    const ignore = () => undefined;
    this.#waiting ??= this.#running.then(ignore, ignore).then(() => {
      this.#waiting = undefined;
      this.#running = this.#handle.datasync();
      return this.#running;
    });
    await this.#waiting.catch((error: unknown) => {
      throw unwritable(this.path, error);
    });
  }

  /** The last wait for the disk, and closed: whoever waits for a record in it later finds it done. AUDIT_UNWRITABLE. */
  async retire(): Promise<void> {
    this.#last ??= this.sync();
    await this.#last;
    await this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // The log's own name leaves no room for a number: there is no second file, nor will there be.
    if (codeOf(error) === 'ENAMETOOLONG') return false;
    throw error;
  }
}
