import {
  type BigIntStats,
  closeSync,
  constants,
  fstat,
  fstatSync,
  lstatSync,
  open as openDescriptor,
  openSync,
} from 'node:fs';
import {
  chmod,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  realpath,
  rename,
  rmdir,
  symlink,
  unlink,
} from 'node:fs/promises';
import { promisify } from 'node:util';
import { codeOf } from './error-code.js';
import { isLocal } from './local-file-system.js';
import { openPathOnly } from './open-path-only.js';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants;

const [dot, slash] = [0x2e, 0x2f];
const openFd = promisify(openDescriptor);
const statOf = promisify(fstat);

/** The name of one entry: text, or bytes where it is none. */
export type EntryName = string | Buffer;

/** What is where a folder was expected, or the other way round: something was put there meanwhile, or a link all along. */
export class NotAsExpected extends Error {
  override readonly name = 'NotAsExpected';
}

/**
 * A folder of the host that is held open. Whatever is in it is reached by a single name in the folder that is open, never by a
 * path, and no link is followed: whoever renames a folder on the way, or puts a link in its place, at whatever moment, leads
 * nobody anywhere. All that touches a tree which others can write to goes through here. Errors are the kernel's own, except
 * for NotAsExpected; a name that is no name of one entry is a RangeError. Whoever opens one disposes of it.
 */
export class OpenFolder implements AsyncDisposable {
  #fd: number;
  readonly #prefix: Buffer;
  /** The file system whose entries are looked at without a turn of the thread pool. */
  #nearDev: bigint | undefined;

  private constructor(fd: number, nearDev?: bigint) {
    this.#fd = fd;
    this.#nearDev = nearDev;
    this.#prefix = Buffer.from(`/proc/self/fd/${fd}/`);
  }

  /** Opens an absolute path whose folders are all ours, or nobody else's to write: links on it are resolved once and not followed after. */
  static async at(path: string): Promise<OpenFolder> {
    const names = (await realpath(path)).split('/').filter((part) => part !== '');
    let folder = new OpenFolder(await openFd('/', openPathOnly | O_DIRECTORY));
    for (const name of names) {
      await using parent = folder;
      folder = await parent.folder(name);
    }
    return folder;
  }

  /**
   * From now on `entry` and `folder` make their calls at once, here and in all folders of the same file system that are opened from this one,
   * where that lies on this machine: a turn of the thread pool takes ten times as long as the call. For who looks at thousands of
   * entries, and lets others have their turn (Turns). Errors: the kernel's.
   */
  async hurry(): Promise<void> {
    if (await isLocal(this.#fd)) this.#nearDev = (await this.stat()).dev;
  }

  /** Whether it does that: small files may be used at once as well (QuickFolder). */
  get isNear(): boolean {
    return this.#nearDev !== undefined;
  }

  /** The descriptor, for a program that is started with it. It stays this object's; -1 once that is disposed of. */
  get fd(): number {
    return this.#fd;
  }

  /** A folder in this one. */
  async folder(name: EntryName): Promise<OpenFolder> {
    if (this.#nearDev !== undefined) return this.#near(name, this.#nearDev);
    return new OpenFolder(await openFd(this.reach(name), openPathOnly | O_DIRECTORY | O_NOFOLLOW).catch(asExpected));
  }

  #near(name: EntryName, dev: bigint): OpenFolder {
    const fd = openNow(this.reach(name));
    try {
      return new OpenFolder(fd, fstatSync(fd, { bigint: true }).dev === dev ? dev : undefined);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** A folder below this one, by the names that lead to it; none: this one once more. */
  async down(names: readonly EntryName[]): Promise<OpenFolder> {
    let folder = new OpenFolder(await openFd(this.#prefix, openPathOnly | O_DIRECTORY), this.#nearDev);
    for (const name of names) {
      await using parent = folder;
      folder = await parent.folder(name);
    }
    return folder;
  }

  /** All names in it but `.` and `..`, in the order in which the file system has them; as bytes, since not every name is text. */
  async *names(): AsyncGenerator<Buffer> {
    // The type of node:fs knows no encoding of names that are no text.
    const options = { encoding: 'buffer' as BufferEncoding };
    for await (const { name } of await opendir(this.#prefix, options)) yield name as unknown as Buffer;
  }

  /** What is there, itself and not what a link leads to; undefined where nothing is. */
  async entry(name: EntryName): Promise<BigIntStats | undefined> {
    if (this.isNear) return lstatSync(this.reach(name), { bigint: true, throwIfNoEntry: false });
    return lstat(this.reach(name), { bigint: true }).catch(goneIsUndefined);
  }

  /** This folder itself. */
  stat(): Promise<BigIntStats> {
    return statOf(this.#fd, { bigint: true });
  }

  /** Opens a regular file to be read; a FIFO or a device is not waited for and not read (NotAsExpected). The caller closes it. */
  async file(name: EntryName): Promise<FileHandle> {
    const handle = await open(this.reach(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(asExpected);
    try {
      // It is open, so the kernel has it at hand.
      if (fstatSync(handle.fd).isFile()) return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    throw new NotAsExpected('it is no regular file');
  }

  /** Makes a file that was not there (EEXIST), to be written. The caller closes it. */
  newFile(name: EntryName, mode: number): Promise<FileHandle> {
    return open(this.reach(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  }

  /** Where a link leads, as bytes. */
  target(name: EntryName): Promise<Buffer> {
    return readlink(this.reach(name), { encoding: 'buffer' }).catch((error: unknown) => {
      throw codeOf(error) === 'EINVAL' ? new NotAsExpected('it is no link', { cause: error }) : error;
    });
  }

  async newFolder(name: EntryName, mode: number): Promise<void> {
    await mkdir(this.reach(name), { mode });
  }

  newLink(name: EntryName, target: EntryName): Promise<void> {
    return symlink(target, this.reach(name));
  }

  /** Gives an entry another place, over whatever file is there: nobody sees a moment without one. */
  rename(name: EntryName, to: OpenFolder, newName: EntryName): Promise<void> {
    return rename(this.reach(name), to.reach(newName));
  }

  /** Gives what is no folder a second place, where nothing may be (EEXIST); of a link itself, not what it leads to. */
  link(name: EntryName, to: OpenFolder, newName: EntryName): Promise<void> {
    return link(this.reach(name), to.reach(newName));
  }

  /** Sets the permissions of a file or folder, if it is the very one that is meant; false when it is another, or a link. */
  async setMode(name: EntryName, mode: number, isMeant: (found: BigIntStats) => boolean): Promise<boolean> {
    const handle = await open(this.reach(name), openPathOnly | O_NOFOLLOW);
    try {
      const found = await handle.stat({ bigint: true });
      if (found.isSymbolicLink() || !isMeant(found)) return false;
      await chmod(`/proc/self/fd/${handle.fd}`, mode);
      return true;
    } finally {
      await handle.close();
    }
  }

  /** Removes what is no folder. */
  remove(name: EntryName): Promise<void> {
    return unlink(this.reach(name));
  }

  /** Removes an empty folder (ENOTEMPTY otherwise). */
  removeFolder(name: EntryName): Promise<void> {
    return rmdir(this.reach(name));
  }

  /** Returns once what was made, renamed and removed in it would survive a crash of the machine. */
  async sync(): Promise<void> {
    const handle = await open(this.#prefix, O_RDONLY | O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    // What only names a folder has nothing to write: a turn of the thread pool takes ten times as long. A second one must close nobody else's.
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    return Promise.resolve();
  }

  /** The path by which the kernel finds one entry, as long as this is open. For what makes its calls otherwise (QuickFolder). */
  reach(name: EntryName): Buffer {
    const bytes = Buffer.from(name);
    const isName = bytes.length > 0 && !bytes.includes(slash) && !bytes.includes(0);
    const isDots = bytes.length <= 2 && bytes.every((byte) => byte === dot);
    if (!isName || isDots) throw new RangeError('that is no name of one entry');
    // The number may be another folder's by now.
    if (this.#fd < 0) throw new RangeError('the folder is closed');
    return Buffer.concat([this.#prefix, bytes]);
  }
}

function openNow(path: Buffer): number {
  try {
    return openSync(path, openPathOnly | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    return asExpected(error);
  }
}

/** Whether that is why an operation on an entry failed: nothing is there. */
export function isGone(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

function goneIsUndefined(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

/** ELOOP: a link where O_NOFOLLOW asked for none; with O_DIRECTORY the kernel says ENOTDIR instead. ENXIO: a socket. */
function asExpected(error: unknown): never {
  const code = codeOf(error);
  if (code !== 'ELOOP' && code !== 'ENOTDIR' && code !== 'ENXIO') throw error;
  throw new NotAsExpected('it is a link, or of another kind', { cause: error });
}
