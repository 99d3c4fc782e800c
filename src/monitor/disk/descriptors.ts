import { opendirSync, type Stats, statSync } from 'node:fs';
import { codeOf } from '../../kit/error-code.js';
import { readLinkOrNothing, readProcFile } from '../../kit/proc/read.js';
import type { LinksSeen } from './links-seen.js';
import type { Pace } from './pace.js';

export interface DescriptorReaderOptions {
  /** Device numbers of what the sandbox can write. */
  readonly devices: ReadonlySet<number>;
  readonly links: LinksSeen;
  readonly pace: Pace;
  /** Whether sockets are asked what is under way in them. */
  readonly isWhole: boolean;
}

const blockBytes = 512;

/** Adds up what has no name any more in tables of descriptors. */
export class DescriptorReader {
  bytes = 0;
  inodes = 0;
  uncounted = 0;
  underWay = 0;
  /** So many are looked at from now on. */
  left = 0;
  readonly #options: DescriptorReaderOptions;
  /** Devices and inodes of what has no name any more at its place. */
  readonly #seen = new Set<string>();
  readonly #queues = new Set<string>();

  constructor(options: DescriptorReaderOptions) {
    this.#options = options;
  }

  /** Of a task, by its folder in /proc; undefined where it can't be looked at. */
  sizeOf(task: string): number | undefined {
    try {
      return statSync(`${task}/fd`).size;
    } catch {
      return undefined;
    }
  }

  /** Looks at what a task has open. False when it can't be looked at. */
  async read(task: string): Promise<boolean> {
    try {
      await this.#read(task);
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (typeof code !== 'string') throw error;
      return false;
    }
  }

  /** Whether a file has been looked at; without a device on any. */
  hasSeen(ino: number, dev?: number): boolean {
    return this.#seen.has(`${dev ?? ''}:${ino}`);
  }

  /** What is open, or runs: by its link in /proc. */
  add(path: string): void {
    const file = statSync(path, { throwIfNoEntry: false });
    if (file === undefined || !this.#options.devices.has(file.dev)) return;
    if (this.hasSeen(file.ino, file.dev)) return;
    this.#seen.add(`${file.dev}:${file.ino}`).add(`:${file.ino}`);
    if (file.nlink === 0 && this.#options.links.isFirst(file.dev, file.ino)) this.#count(file);
  }

  #count({ blocks }: Stats): void {
    this.bytes += blocks * blockBytes;
    this.inodes += 1;
  }

  async #read(task: string): Promise<void> {
    const { pace } = this.#options;
    const entries = opendirSync(`${task}/fd`, { bufferSize: 64 });
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        if (this.left === 0) {
          this.uncounted += 1;
          return;
        }
        this.left -= 1;
        this.#look(task, entry.name);
        if (pace.isDue) await pace.rest();
      }
    } finally {
      entries.closeSync();
    }
    // A folder that was large once stays so.
    if (isDeleted(readLinkOrNothing(`${task}/cwd`) ?? '')) this.add(`${task}/cwd`);
  }

  #look(task: string, name: string): void {
    const link = readLinkOrNothing(`${task}/fd/${name}`);
    // The kernel gives no path of more than a page.
    if (link === undefined || isDeleted(link)) this.add(`${task}/fd/${name}`);
    else if (this.#options.isWhole && hasQueue(link) && !this.#queues.has(link)) {
      if (link !== ringLink) this.#queues.add(link);
      this.underWay += queuedIn(readProcFile(`${task}/fdinfo/${name}`));
    }
  }
}

/** Of what has lost the name by which it was opened; others may end in this as well. */
export function isDeleted(link: string): boolean {
  return link.endsWith(' (deleted)');
}

/** All of them have this one. */
const ringLink = 'anon_inode:[io_uring]';

function hasQueue(link: string): boolean {
  return link.startsWith('socket:[') || link === ringLink;
}

/**
 * Files in the queue of a socket of the host's own (SCM_RIGHTS), or that a ring keeps. Kernels before 5.7 don't tell of sockets. Who
 * makes that text too long to be read has something to hide.
 */
function queuedIn(fdinfo: string | undefined): number {
  if (fdinfo === undefined) return 1;
  return Number(/^(?:scm_fds|UserFiles):\s*(\d{1,9})$/m.exec(fdinfo)?.[1] ?? 0);
}
