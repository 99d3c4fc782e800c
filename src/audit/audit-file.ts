import { constants, fstatSync, lstatSync, readSync, type Stats, writeSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AuditError } from '../core/errors.js';
import { safeLine } from '../kit/safe-text.js';
import { type FileTail, readTail, tailBytes } from './file-tail.js';

/**
 * The log's file, open for appending. Refuses, with AUDIT_UNWRITABLE, anything but a regular file of ours with one
 * name and mode 0600 or tighter: a link would let its maker choose where records go, a FIFO would hang or eat them,
 * a device may act on being opened, another's file can be rewritten by its owner. The opener disposes.
 */
export class AuditFile implements AsyncDisposable {
  readonly path: string;
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

  private constructor(path: string, handle: FileHandle, stats: Stats) {
    this.path = path;
    this.#handle = handle;
    this.#dev = stats.dev;
    this.#ino = stats.ino;
  }

  /** `createParent` makes missing folders, 0700; otherwise the folder must exist. */
  static async open(path: string, createParent: boolean): Promise<AuditFile> {
    try {
      if (createParent) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      checkFolder(path, await stat(dirname(path)));
      // Looked at before it is opened too, because opening a device can act on it; the check that counts is the second.
      const before = await lstat(path).catch(undefinedIfMissing);
      if (before) checkFile(path, before);
      const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
      const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
      return await AuditFile.#adopt(path, await open(path, flags, 0o600), before === undefined);
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  static async #adopt(path: string, handle: FileHandle, isNew: boolean): Promise<AuditFile> {
    try {
      const stats = await handle.stat();
      checkFile(path, stats);
      if (isNew) await syncFolder(dirname(path));
      return new AuditFile(path, handle, stats);
    } catch (error) {
      await handle.close();
      throw error;
    }
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

function checkFolder(path: string, folder: Stats): void {
  const mine = folder.uid === process.geteuid?.() || folder.uid === 0;
  const sticky = (folder.mode & 0o1000) !== 0;
  if (!mine || ((folder.mode & 0o022) !== 0 && !sticky)) {
    throw new Error(`its folder ${safeLine(dirname(path))} is writable by others, who could replace the log`);
  }
}

function checkFile(path: string, stats: Stats): void {
  const name = safeLine(path);
  if (stats.isSymbolicLink()) throw new Error('it is a symbolic link');
  if (!stats.isFile()) throw new Error('it is not a regular file');
  if (stats.uid !== process.geteuid?.()) throw new Error(`it belongs to uid ${stats.uid}`);
  if (stats.nlink !== 1) throw new Error(`it has ${stats.nlink} names (hard links)`);
  if ((stats.mode & 0o7777 & ~0o600) !== 0) {
    throw new Error(`its mode is 0${(stats.mode & 0o7777).toString(8)}; make it private: chmod 600 '${name}'`);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

function unwritable(path: string, error: unknown): AuditError {
  if (error instanceof AuditError) return error;
  const why = safeLine(error instanceof Error ? error.message : String(error));
  return new AuditError('AUDIT_UNWRITABLE', `the audit log ${safeLine(path)} can't be written: ${why}`, {
    cause: error,
  });
}
