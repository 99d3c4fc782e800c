import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, type Stats } from 'node:fs';
import { readProcFile } from '../../kit/proc/read.js';
import type { LinksSeen } from './links-seen.js';
import type { Pace } from './pace.js';

/** What a folder holds. */
export interface TreeCount {
  /** Allocated bytes, folders' own included; not lengths: a hole takes no room. */
  readonly bytes: number;
  /** Files, folders and everything else that has a name. */
  readonly inodes: number;
  /** Folders that could not be looked into, and that somebody may have put something into all the same. */
  readonly uncounted: number;
}

export interface TreeCountOptions {
  readonly links: LinksSeen;
  readonly pace: Pace;
  /** Whose sandbox it is: a folder of somebody else's that it can't write to hides nothing of its own. */
  readonly uid: number;
  /** Leaves out what has changed since, in epoch milliseconds: a change time can't be forged from inside. */
  readonly unchangedSinceMs?: number | undefined;
}

interface Frame {
  readonly fd: number;
  readonly dev: number;
  /** What names in it are opened with: through the descriptor, whatever path it has by now. */
  readonly prefix: Buffer;
  /** Folders in it that have not been entered yet. */
  readonly pending: Buffer[];
}

/** O_PATH, which node:fs does not name: opens a folder that may not be read, and starts no device and no FIFO. */
const openPathOnly = 0x200000;
const folderOnly = openPathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** One descriptor for each level; deeper folders are uncounted. Paths of 4096 bytes have fewer levels in practice. */
const mostLevels = 512;
/** Memory for the names of folders that are still to be entered; beyond it they are uncounted. */
const mostPendingBytes = 16 * 1024 ** 2;
const blockBytes = 512;

/**
 * Counts what is in a folder, given as a descriptor. The tree may be hostile and change meanwhile: no link is followed, since each
 * folder is opened by its name in the one above it; nothing is entered that is mounted there; depth, width, names and memory are
 * bounded; what vanishes is passed over. Something that is moved from where the count has not been to where it has been is missed
 * once, and found by the next one.
 */
export async function countTree(root: number, options: TreeCountOptions): Promise<TreeCount> {
  const walk = new Walk(root, options);
  try {
    return await walk.run();
  } finally {
    walk.close();
  }
}

class Walk {
  readonly #root: number;
  readonly #options: TreeCountOptions;
  readonly #frames: Frame[] = [];
  #bytes = 0;
  #inodes = 0;
  #uncounted = 0;
  #pendingBytes = 0;

  constructor(root: number, options: TreeCountOptions) {
    this.#root = root;
    this.#options = options;
  }

  async run(): Promise<TreeCount> {
    const root = fstatSync(this.#root);
    this.#count(root);
    await this.#enter(Buffer.concat([prefixOf(this.#root), Buffer.from('.')]), root.dev);
    for (let top = this.#frames.at(-1); top !== undefined; top = this.#frames.at(-1)) {
      const name = top.pending.pop();
      if (name === undefined) {
        this.#frames.pop();
        closeSync(top.fd);
      } else {
        this.#pendingBytes -= pendingBytesOf(name);
        await this.#enter(Buffer.concat([top.prefix, name]), top.dev);
      }
      // Empty folders have no entry at which to rest.
      if (this.#options.pace.isDue) await this.#options.pace.rest();
    }
    return { bytes: this.#bytes, inodes: this.#inodes, uncounted: this.#uncounted };
  }

  close(): void {
    for (const { fd } of this.#frames) closeSync(fd);
    this.#frames.length = 0;
  }

  async #enter(path: Buffer, parentDev: number): Promise<void> {
    if (this.#frames.length >= mostLevels) {
      this.#uncounted += 1;
      return;
    }
    const fd = this.#open(path);
    if (fd === undefined) return;
    const folder = fstatSync(fd);
    const frame: Frame = { fd, dev: folder.dev, prefix: prefixOf(fd), pending: [] };
    this.#frames.push(frame);
    if (folder.dev !== parentDev) {
      // A subvolume has a number of its own and is as much part of the folder as any other; a mount is not.
      if (mountOf(fd) !== mountOf(this.#root)) return;
      this.#count(folder);
    }
    await this.#read(frame, folder);
  }

  #open(path: Buffer): number | undefined {
    try {
      return openSync(path, folderOnly);
    } catch (error) {
      if (!isGone(error)) this.#uncounted += 1;
      return undefined;
    }
  }

  async #read(frame: Frame, folder: Stats): Promise<void> {
    const { pace, uid } = this.#options;
    try {
      // Names are any bytes; the types of Node know text only.
      const entries = opendirSync(`/proc/self/fd/${frame.fd}`, {
        encoding: 'buffer' as BufferEncoding,
        bufferSize: 128,
      });
      try {
        for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
          this.#look(frame, entry.name as unknown as Buffer);
          if (pace.isDue) await pace.rest();
        }
      } finally {
        entries.closeSync();
      }
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      const isHarmless = folder.uid !== uid && (folder.mode & 0o022) === 0;
      if (!isGone(error) && !isHarmless) this.#uncounted += 1;
    }
  }

  #look(frame: Frame, name: Buffer): void {
    const path = Buffer.concat([frame.prefix, name]);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    const isHere = found.dev === frame.dev;
    if (isHere && (found.nlink === 1 || found.isDirectory() || this.#isFirst(path, found))) this.#count(found);
    if (!found.isDirectory()) return;
    if (this.#pendingBytes + pendingBytesOf(name) > mostPendingBytes) {
      this.#uncounted += 1;
      return;
    }
    this.#pendingBytes += pendingBytesOf(name);
    frame.pending.push(name);
  }

  #isFirst(path: Buffer, { dev, ino }: Stats): boolean {
    if (Number.isSafeInteger(ino)) return this.#options.links.isFirst(dev, ino);
    const exact = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return exact === undefined || this.#options.links.isFirst(dev, exact.ino);
  }

  #count({ blocks, ctimeMs }: Stats): void {
    if (ctimeMs >= (this.#options.unchangedSinceMs ?? Number.POSITIVE_INFINITY)) return;
    this.#bytes += blocks * blockBytes;
    this.#inodes += 1;
  }
}

function prefixOf(fd: number): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}/`);
}

function mountOf(fd: number): string | undefined {
  return /^mnt_id:\s*(\d+)$/m.exec(readProcFile(`/proc/self/fdinfo/${fd}`) ?? '')?.[1];
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Removed, or another thing by now. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '');
}

/** What a name that waits takes: its buffer's own bookkeeping is larger than most names. */
function pendingBytesOf(name: Buffer): number {
  return name.length + 256;
}
