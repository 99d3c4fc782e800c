import { closeSync, openSync, readSync } from 'node:fs';
import { codeOf } from '../../kit/error-code.js';
import { deviceNumber } from '../../kit/proc/device-number.js';
import { namesIn, readLinkOrNothing } from '../../kit/proc/read.js';
import { type DescriptorReader, isDeleted } from './descriptors.js';
import type { Pace } from './pace.js';
import type { MayBeWritten } from './place-inside.js';

export interface MappedFilesOptions {
  readonly pids: readonly number[];
  /** Device numbers of what the sandbox can write, as stat has them. */
  readonly devices: ReadonlySet<number>;
  /** And those of their file systems, which are others on btrfs. */
  readonly fileSystems: ReadonlySet<number>;
  /** Which paths of a process may be of what it has written. */
  readonly mayBeWritten: (pid: number) => MayBeWritten;
  readonly descriptors: DescriptorReader;
  readonly pace: Pace;
  readonly procRoot?: string;
}

/** For one count, of the texts of all processes; the kernel makes about a hundred megabytes in a second. */
const mostBytes = 64 * 1024 ** 2;
/** A line is as long as the path in it. */
const longestLine = 1024 ** 2;
const chunkBytes = 64 * 1024;
const deleted = ' (deleted)';
const mark = `${deleted}\n`;
const lineOf = /^[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) (\d+)\s+(.*)$/s;

/**
 * Whether a process has something in its memory that has no name any more, and that nobody holds open: mapped, then closed and
 * deleted. How much room it takes only those may ask who have rights over the whole host (`/proc/PID/map_files`).
 */
export async function hasUnseenMapped(options: MappedFilesOptions): Promise<boolean> {
  const { pids, procRoot = '/proc' } = options;
  // Replacing a program that runs is what compilers do, and its size is told.
  for (const pid of pids) addProgram(`${procRoot}/${pid}/exe`, pid, options);
  const read = new Texts(options);
  for (const pid of pids) if (await read.hasUnseen(pid)) return true;
  return false;
}

function addProgram(path: string, pid: number, { descriptors, mayBeWritten }: MappedFilesOptions): void {
  const link = readLinkOrNothing(path);
  const isOther = link !== undefined && !isDeleted(link);
  // What the host replaces while it is in use, a library of its own, say, is none of the sandbox's.
  if (isOther || (link !== undefined && !mayBeWritten(pid)(link.slice(0, -deleted.length)))) return;
  try {
    descriptors.add(path);
  } catch {
    // Then it is seen in memory, and not as something that was looked at.
  }
}

class Texts {
  readonly #options: MappedFilesOptions;
  readonly #chunk = Buffer.allocUnsafe(chunkBytes);
  #left = mostBytes;

  constructor(options: MappedFilesOptions) {
    this.#options = options;
  }

  /** Also when it could not be read to its end. */
  async hasUnseen(pid: number): Promise<boolean> {
    const file = this.#open(pid);
    if (file === undefined) return false;
    const { pace } = this.#options;
    try {
      for (let rest: Buffer = Buffer.alloc(0); ; ) {
        const length = readSync(file, this.#chunk);
        if (length === 0) return false;
        this.#left -= length;
        const text = Buffer.concat([rest, this.#chunk.subarray(0, length)]);
        if (this.#left < 0 || text.length > longestLine || this.#isUnseenIn(text, pid)) return true;
        rest = text.subarray(text.lastIndexOf('\n') + 1);
        if (pace.isDue) await pace.rest();
      }
    } catch (error) {
      const code = codeOf(error);
      if (typeof code !== 'string') throw error;
      // It has ended meanwhile.
      return code !== 'ESRCH';
    } finally {
      closeSync(file);
    }
  }

  /** Threads share their memory; a first one that has ended has none any more. */
  #open(pid: number): number | undefined {
    const { procRoot = '/proc' } = this.#options;
    const folder = `${procRoot}/${pid}/task`;
    for (const name of [String(pid), ...namesIn(folder)]) {
      const file = openedWith(`${folder}/${name}/maps`, this.#chunk);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  #isUnseenIn(text: Buffer, pid: number): boolean {
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) {
      const line = text.toString('utf8', text.lastIndexOf('\n', at) + 1, at);
      if (this.#isUnseen(line, pid)) return true;
    }
    return false;
  }

  #isUnseen(line: string, pid: number): boolean {
    const [, major = '', minor = '', inode = '', path = ''] = lineOf.exec(line) ?? [];
    const { devices, fileSystems, descriptors, mayBeWritten } = this.#options;
    const dev = deviceNumber(Number.parseInt(major, 16), Number.parseInt(minor, 16));
    const isOurs = devices.has(dev) || fileSystems.has(dev);
    if (!isOurs || descriptors.hasSeen(Number(inode), devices.has(dev) ? dev : undefined)) return false;
    return mayBeWritten(pid)(path);
  }
}

/** Undefined where there is nothing to read, or it can't be: whether a thread can be looked at, its descriptors have told. */
function openedWith(path: string, chunk: Buffer): number | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    if (readSync(file, chunk, 0, 1, 0) === 1) return file;
  } catch {
    // It has ended in between.
  }
  if (file !== undefined) closeSync(file);
  return undefined;
}
