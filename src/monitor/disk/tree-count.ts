import { closeSync, fstatSync, lstatSync, opendirSync, openSync, type Stats } from 'node:fs';
import { codeOf } from '../../kit/error-code.js';
import { LinksSeen } from './links-seen.js';
import { folderOnly, type Level, OpenLevels, prefixOf } from './open-levels.js';
import type { Pace } from './pace.js';
import { mountIdOf } from './place-inside.js';

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
  /**
   * Leaves out what has changed since, in epoch milliseconds: a change time can't be forged from inside. What is in a folder that
   * is moved while the count goes on does not change by that, so no folder is entered twice then.
   */
  readonly unchangedSinceMs?: number | undefined;
}

/** Deeper folders are uncounted. Paths of 4096 bytes have fewer levels in practice. */
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
  using levels = new OpenLevels();
  return await new Walk(root, levels, options).run();
}

class Walk {
  readonly #root: number;
  readonly #levels: OpenLevels;
  readonly #options: TreeCountOptions;
  readonly #entered = new LinksSeen();
  #bytes = 0;
  #inodes = 0;
  #uncounted = 0;
  #pendingBytes = 0;

  constructor(root: number, levels: OpenLevels, options: TreeCountOptions) {
    this.#root = root;
    this.#levels = levels;
    this.#options = options;
  }

  async run(): Promise<TreeCount> {
    const root = fstatSync(this.#root);
    this.#count(root);
    await this.#enter(Buffer.concat([prefixOf(this.#root), Buffer.from('.')]), root.dev);
    for (let here = this.#levels.deepest; here !== undefined; here = this.#levels.deepest) {
      const name = here.pending.pop();
      if (name === undefined) {
        this.#uncounted += this.#levels.leave();
      } else {
        this.#pendingBytes -= pendingBytesOf(name);
        await this.#enter(Buffer.concat([here.prefix, name]), here.dev);
      }
      // Empty folders have no entry at which to rest.
      if (this.#options.pace.isDue) await this.#options.pace.rest();
    }
    return { bytes: this.#bytes, inodes: this.#inodes, uncounted: this.#uncounted };
  }

  async #enter(path: Buffer, parentDev: number): Promise<void> {
    if (this.#levels.depth >= mostLevels) {
      this.#uncounted += 1;
      return;
    }
    const fd = this.#open(path);
    if (fd === undefined) return;
    const folder = fstatSync(fd);
    if (this.#isAgain(fd)) {
      closeSync(fd);
      return;
    }
    const level = this.#levels.enter(fd, folder.dev);
    if (folder.dev !== parentDev) {
      // A subvolume has a number of its own and is as much part of the folder as any other; a mount is not.
      if (mountIdOf(fd) !== mountIdOf(this.#root)) return;
      this.#count(folder);
    }
    await this.#read(level, fd, folder);
  }

  /** Only where too much would do harm: what was there before is taken off what is there later. */
  #isAgain(fd: number): boolean {
    if (this.#options.unchangedSinceMs === undefined) return false;
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return this.#entered.isFull || !this.#entered.isFirst(Number(dev), ino);
  }

  #open(path: Buffer): number | undefined {
    try {
      return openSync(path, folderOnly);
    } catch (error) {
      if (!isGone(error)) this.#uncounted += 1;
      return undefined;
    }
  }

  async #read(level: Level, fd: number, folder: Stats): Promise<void> {
    const { pace, uid } = this.#options;
    try {
      // Names are any bytes; the types of Node know text only.
      const entries = opendirSync(`/proc/self/fd/${fd}`, {
        encoding: 'buffer' as BufferEncoding,
        bufferSize: 128,
      });
      try {
        for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
          this.#look(level, entry.name as unknown as Buffer);
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

  #look(level: Level, name: Buffer): void {
    const path = Buffer.concat([level.prefix, name]);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    const isHere = found.dev === level.dev;
    if (isHere && (found.nlink === 1 || found.isDirectory() || this.#isFirst(path, found))) this.#count(found);
    if (!found.isDirectory()) return;
    if (this.#pendingBytes + pendingBytesOf(name) > mostPendingBytes) {
      this.#uncounted += 1;
      return;
    }
    this.#pendingBytes += pendingBytesOf(name);
    level.pending.push(name);
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

/** Removed, or another thing by now. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '');
}

/** What a name that waits takes: its buffer's own bookkeeping is larger than most names. */
function pendingBytesOf(name: Buffer): number {
  return name.length + 256;
}
