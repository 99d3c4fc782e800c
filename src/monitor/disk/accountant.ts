import type { Clock } from '../../kit/clock.js';
import { type FreeSpace, freeSpaceOf } from './free-space.js';
import { LinksSeen } from './links-seen.js';
import { countUnnamedFiles } from './open-files.js';
import { Pace } from './pace.js';
import { countTree, type TreeCount } from './tree-count.js';
import type { DiskLimits, DiskUsage } from './usage.js';
import { isCountDue, isCountWorthwhile, type LastCount, type Present, restLeftMs } from './when-to-count.js';
import { WrittenBytes } from './written-bytes.js';

/** A folder that a sandbox can write, open, with the number of its device. Whoever opened it closes it. */
export interface WritableFolder {
  readonly fd: number;
  readonly dev: number;
}

/** What was there before the sandbox: growth is counted from here. */
export interface DiskBase {
  readonly bytes: number;
  readonly inodes: number;
  /** What the file systems had left then. */
  readonly freeBytes: number;
  /** Missing in what older versions noted. */
  readonly freeInodes?: number | undefined;
}

export interface AccountantParts {
  readonly folders: readonly WritableFolder[];
  /** Asked again for each look: a limit may be changed while the sandbox runs. */
  readonly limits: () => DiskLimits;
  /** The sandbox's processes without our own among them, by their numbers on the host; costs a look through /proc. */
  readonly processes: () => readonly number[];
  readonly clock: Clock;
  readonly uid: number;
  readonly base?: DiskBase | undefined;
  /** Folders that should be among these and are out of reach: moved away on the host, say. */
  readonly unreachable?: number;
}

/**
 * Holds what a sandbox adds to the disk against its limits, without privileges and on any file system. A count walks everything that
 * the sandbox can write; when there has to be one, `isCountDue` says.
 */
export class DiskAccountant {
  readonly #parts: AccountantParts;
  readonly #signal: AbortSignal | undefined;
  readonly #written = new WrittenBytes();
  #base: DiskBase | undefined;
  #last: LastCount | undefined;
  #counting: Promise<DiskUsage> | undefined;

  constructor(parts: AccountantParts, signal?: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
    this.#base = parts.base;
  }

  get base(): DiskBase | undefined {
    return this.#base;
  }

  /** As of the last count, against the limits of now. */
  get usage(): DiskUsage | undefined {
    return this.#lastCount?.usage;
  }

  /**
   * Counts what is there before anything in the sandbox can have changed it: what was changed at `unchangedSinceMs` (epoch) or later
   * may be its work and is left out, which makes growth of it. It is the first count, of a sandbox that has written nothing yet.
   */
  async takeBase(unchangedSinceMs: number): Promise<DiskBase> {
    const { clock, limits } = this.#parts;
    const startedAt = clock.monotonic();
    const free = await this.#free();
    const { bytes, inodes } = await this.#countFolders(new LinksSeen(), this.#pace(), unchangedSinceMs);
    this.#base = { bytes, inodes, freeBytes: free.bytes, freeInodes: free.inodes };
    const usage = { bytes: 0, inodes: 0, limits: limits(), countedAtMs: clock.now() };
    const endedAt = clock.monotonic();
    this.#last = { usage, free, written: 0, endedAt, tookMs: endedAt - startedAt };
    return this.#base;
  }

  /** Counts now. What is asked for while a count goes on gets the result of a new one. */
  async count(): Promise<DiskUsage> {
    await this.#counting?.catch(() => undefined);
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  /** Whether the limit may have been reached since the last count, while commands run. */
  async isDue(): Promise<boolean> {
    const last = this.#lastCount;
    return last === undefined || isCountDue(last, await this.#present());
  }

  /** Whether a command that has ended may have left so much that a count is worth it. */
  async isWorthwhile(): Promise<boolean> {
    const last = this.#lastCount;
    return last === undefined || isCountWorthwhile(last, await this.#present());
  }

  /** How long to wait before a count that is not urgent, in milliseconds. */
  get restLeftMs(): number {
    return this.#last === undefined ? 0 : restLeftMs(this.#last, this.#parts.clock.monotonic());
  }

  get #lastCount(): LastCount | undefined {
    const last = this.#last;
    return last && { ...last, usage: { ...last.usage, limits: this.#parts.limits() } };
  }

  async #count(): Promise<DiskUsage> {
    const { clock, processes, limits } = this.#parts;
    const startedAt = clock.monotonic();
    // Taken first: what is written while the count goes on may be missing in it, and calls for the next.
    const pids = processes();
    const look = { free: await this.#free(), written: this.#written.look(pids) };
    const links = new LinksSeen();
    const tree = await this.#countFolders(links, this.#pace());
    const devices = new Set(this.#parts.folders.map(({ dev }) => dev));
    const unnamed = await countUnnamedFiles({ pids, devices, links, pace: this.#pace() });
    const grown = this.#growth([tree, unnamed], look);
    const usage = { ...grown, limits: limits(), countedAtMs: clock.now() };
    const endedAt = clock.monotonic();
    this.#last = { ...look, usage, endedAt, tookMs: endedAt - startedAt };
    return usage;
  }

  /**
   * Where a folder could not be looked into (its owner inside can take our permission away, or nest without end), what it may hold
   * is taken to be all that the file systems have lost since the beginning, in bytes and in files: whoever hides a folder has others' writing counted, too.
   * What the sandbox has written by its own counters is no bound of it: fallocate adds nothing there.
   */
  #growth(
    counts: readonly TreeCount[],
    { free }: Pick<LastCount, 'free'>,
  ): { readonly bytes: number; readonly inodes: number } {
    const sum = (key: keyof TreeCount) => counts.reduce((total, count) => total + count[key], 0);
    const { bytes = 0, inodes = 0, freeBytes = free.bytes, freeInodes = free.inodes } = this.#base ?? {};
    const seen = { bytes: Math.max(0, sum('bytes') - bytes), inodes: Math.max(0, sum('inodes') - inodes) };
    if (sum('uncounted') + (this.#parts.unreachable ?? 0) === 0) return seen;
    return {
      bytes: Math.max(seen.bytes, freeBytes - free.bytes),
      inodes: Math.max(seen.inodes, freeInodes - free.inodes),
    };
  }

  async #countFolders(links: LinksSeen, pace: Pace, unchangedSinceMs?: number): Promise<TreeCount> {
    const { uid } = this.#parts;
    const sum = { bytes: 0, inodes: 0, uncounted: 0 };
    for (const { fd } of this.#parts.folders) {
      const tree = await countTree(fd, { links, pace, uid, unchangedSinceMs });
      sum.bytes += tree.bytes;
      sum.inodes += tree.inodes;
      sum.uncounted += tree.uncounted;
    }
    return sum;
  }

  #free(): Promise<FreeSpace> {
    const byDevice = new Map(this.#parts.folders.map(({ fd, dev }) => [dev, fd]));
    return freeSpaceOf([...byDevice.values()]);
  }

  #pace(): Pace {
    return new Pace(this.#parts.clock, this.#signal);
  }

  async #present(): Promise<Present> {
    const { clock, processes } = this.#parts;
    return { now: clock.monotonic(), free: await this.#free(), written: () => this.#written.look(processes()) };
  }
}
