import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { isLocal } from './local-file-system.js';
import { type EntryName, isGone, type OpenFolder } from './open-folder.js';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants;

/** Small enough to be read or written in one go. */
export const quickBytes = 64 * 1024;

/** Says of which folders the small files can be used at once: where they lie on this machine. */
export class QuickFolders {
  readonly #isLocal = new Map<bigint, boolean>();

  /** Valid as long as the folder is open. Errors: the kernel's. */
  async of(folder: OpenFolder): Promise<QuickFolder | undefined> {
    const { dev } = await folder.stat();
    const isQuick = this.#isLocal.get(dev) ?? (await isLocal(folder.fd));
    this.#isLocal.set(dev, isQuick);
    return isQuick ? new QuickFolder(folder) : undefined;
  }
}

export interface QuickRead {
  /** A view of the buffer that was given, as long as the file was; what it has lost meanwhile is zeros. */
  readonly content: Buffer;
  readonly status: BigIntStats;
  /** Whether it was left alone while it was read. */
  readonly isSame: boolean;
}

/**
 * Small files of a folder, without a turn through the thread pool for each call, which takes ten times as long as the call. As with
 * OpenFolder nothing but single names in the open folder is used, and no link is followed. Whoever uses many of them lets others have
 * their turn (Turns).
 */
export class QuickFolder {
  readonly #folder: OpenFolder;

  constructor(folder: OpenFolder) {
    this.#folder = folder;
  }

  /** As `OpenFolder.entry`. */
  entry(name: EntryName): BigIntStats | undefined {
    return lstatSync(this.#folder.reach(name), { bigint: true, throwIfNoEntry: false });
  }

  /** Undefined: that is no regular file that fits into the buffer, or can't be read; OpenFolder says why. */
  read(name: EntryName, into: Buffer): QuickRead | undefined {
    const path = this.#folder.reach(name);
    let fd: number | undefined;
    try {
      if (lstatSync(path, { bigint: true }).isFile()) fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      return fd === undefined ? undefined : readWhole(fd, into);
    } catch {
      return undefined;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  /** Makes a file that was not there (EEXIST), whole: nothing of it stays where that fails. */
  create(name: EntryName, mode: number, content: Buffer, mtimeMs: number): BigIntStats {
    const path = this.#folder.reach(name);
    const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
      for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
      futimesSync(fd, mtimeMs / 1000, mtimeMs / 1000);
      return fstatSync(fd, { bigint: true });
    } catch (error) {
      discard(path);
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** As `OpenFolder.link`, within the folder. */
  link(name: EntryName, newName: EntryName): void {
    linkSync(this.#folder.reach(name), this.#folder.reach(newName));
  }

  /** As `OpenFolder.rename`, within the folder. */
  rename(name: EntryName, newName: EntryName): void {
    renameSync(this.#folder.reach(name), this.#folder.reach(newName));
  }

  /** Removes what is no folder, if it is there. */
  discard(name: EntryName): void {
    discard(this.#folder.reach(name));
  }
}

function discard(path: Buffer): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function readWhole(fd: number, into: Buffer): QuickRead | undefined {
  const status = fstatSync(fd, { bigint: true });
  if (!status.isFile() || status.size > BigInt(into.length)) return undefined;
  const content = into.subarray(0, Number(status.size));
  for (let at = 0; at < content.length; ) {
    const got = readSync(fd, content, at, content.length - at, null);
    if (got === 0) content.fill(0, at);
    at = got === 0 ? content.length : at + got;
  }
  const after = fstatSync(fd, { bigint: true });
  return { content, status, isSame: after.size === status.size && after.mtimeNs === status.mtimeNs };
}
