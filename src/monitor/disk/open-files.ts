import { readProcess } from '../../kit/proc/processes.js';
import { namesIn } from '../../kit/proc/read.js';
import { DescriptorReader } from './descriptors.js';
import type { LinksSeen } from './links-seen.js';
import { hasUnseenMapped, type MappedFilesOptions } from './mapped-files.js';
import type { Pace } from './pace.js';
import type { TreeCount } from './tree-count.js';

export interface OpenFilesOptions extends Omit<MappedFilesOptions, 'descriptors'> {
  /** Of the sandbox, by their numbers on the host. */
  readonly pids: readonly number[];
  readonly links: LinksSeen;
  readonly pace: Pace;
  /**
   * Whether everything is looked at: descriptors of each thread, sockets, memory. Without that it is one thread of each process, and
   * those with another number of descriptors.
   */
  readonly isWhole: boolean;
}

export interface OpenFilesCount extends TreeCount {
  /** Files that were under way in sockets, whatever they are. */
  readonly underWay: number;
}

/** So many descriptors are looked at for one count, of first threads and of others; each takes about 10 microseconds. */
const mostDescriptors = { first: 50_000, others: 200_000 } as const;

/**
 * Files that processes hold open and that have no name any more: no tree has them, and they take room until they are closed. Of one
 * that is only mapped nobody tells its size, so it is uncounted.
 */
export async function countUnnamedFiles(options: OpenFilesOptions): Promise<OpenFilesCount> {
  const descriptors = new DescriptorReader(options);
  const tasks = options.pids.map((pid) => new Tasks(pid, descriptors, options));
  descriptors.left = mostDescriptors.first;
  for (const task of tasks) await task.readFirst();
  descriptors.left = mostDescriptors.others;
  for (const task of tasks) await task.readOthers();
  // Nobody has to know twice that something can't be seen.
  const isUnseen =
    descriptors.uncounted === 0 && options.isWhole && (await hasUnseenMapped({ ...options, descriptors }));
  const { bytes, inodes, uncounted, underWay } = descriptors;
  return { bytes, inodes, uncounted: uncounted + (isUnseen ? 1 : 0), underWay };
}

/** The threads of one process: each may have a table of descriptors of its own, and nobody tells which of them share one. */
class Tasks {
  readonly #pid: number;
  readonly #folder: string;
  readonly #descriptors: DescriptorReader;
  readonly #options: OpenFilesOptions;
  /** Numbers of descriptors in the tables that were read; 0 on kernels before 6.2. */
  readonly #sizes = new Set<number>();

  constructor(pid: number, descriptors: DescriptorReader, options: OpenFilesOptions) {
    const { procRoot = '/proc' } = options;
    this.#pid = pid;
    this.#folder = `${procRoot}/${pid}/task`;
    this.#descriptors = descriptors;
    this.#options = options;
  }

  async readFirst(): Promise<void> {
    await this.#read(String(this.#pid));
  }

  async readOthers(): Promise<void> {
    const { isWhole, pace } = this.#options;
    for (const name of namesIn(this.#folder)) {
      if (name === String(this.#pid)) continue;
      if (isWhole || this.#isAnother(name)) await this.#read(name);
      if (pace.isDue) await pace.rest();
    }
  }

  async #read(name: string): Promise<void> {
    const size = this.#descriptors.sizeOf(`${this.#folder}/${name}`);
    if (await this.#descriptors.read(`${this.#folder}/${name}`)) this.#sizes.add(size ?? 0);
    else if (this.#isAtWork(Number(name))) this.#descriptors.uncounted += 1;
  }

  /** Whether it has another table for sure. A first thread that has ended has none. */
  #isAnother(name: string): boolean {
    const size = this.#descriptors.sizeOf(`${this.#folder}/${name}`);
    return size === undefined || !this.#sizes.has(size);
  }

  /** What has ended, or is about to, holds nothing; at a first thread that has ended the kernel shows no descriptors. */
  #isAtWork(tid: number): boolean {
    const task = readProcess(tid, this.#folder);
    return task !== undefined && task.state !== 'X' && task.state !== 'Z';
  }
}
