import type { Clock } from '../../kit/clock.js';
import { type FreeSpace, freeSpaceOf } from './free-space.js';
import { LinksSeen } from './links-seen.js';
import { countUnnamedFiles, type OpenFilesCount } from './open-files.js';
import { Pace } from './pace.js';
import { fileSystemsOf, numbersOf, writtenInside } from './place-inside.js';
import { countTree, type TreeCount } from './tree-count.js';
import type { DiskLimits, DiskUsage } from './usage.js';
import { isCountDue, isCountWorthwhile, isInDoubt, type LastCount, type Present, restLeftMs } from './when-to-count.js';
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
  /** Process 1 of the sandbox, while there is one; undefined where what runs in it can make mounts of its own. */
  readonly init?: () => number | undefined;
  readonly clock: Clock;
  readonly uid: number;
  readonly base?: DiskBase | undefined;
  /** What the file systems had left at the beginning, for where there is no base yet. */
  readonly freeAtFirst?: FreeSpace | undefined;
  /** Whether that beginning is now, so that the sandbox has written nothing yet. */
  readonly isNew?: boolean;
  /** Folders that should be among these and are out of reach: moved away on the host, say. */
  readonly unreachable?: number;
  readonly procRoot?: string;
}

/** Of a count that is to be sure. */
export interface SureCount {
  /** Asked at the end: whether nothing in the sandbox could write or move anything meanwhile. */
  readonly isStill: () => boolean;
  /** Whether what is under way in a socket counts as unseen. Else such a count is not sure, for it may just be passing by. */
  readonly isLast?: boolean;
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
  /** The last one that nobody in the sandbox could fool; the beginning is one. */
  #sure: LastCount | undefined;
  #counting: Promise<DiskUsage> | undefined;
  #isUnderWay = false;

  constructor(parts: AccountantParts, signal?: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
    this.#base = parts.base;
    const { base, freeAtFirst } = parts;
    if (base !== undefined) this.#sure = this.#beginning({ bytes: base.freeBytes, inodes: base.freeInodes });
    else if (freeAtFirst !== undefined) this.#sure = this.#beginning(freeAtFirst);
  }

  get base(): DiskBase | undefined {
    return this.#base;
  }

  /** As of the last count, against the limits of now. */
  get usage(): DiskUsage | undefined {
    return this.#now(this.#last)?.usage;
  }

  /** As of the last count that is sure. */
  get verdict(): DiskUsage | undefined {
    return this.#now(this.#sure)?.usage;
  }

  /** Whether the last count found files under way between processes, and could not be sure for that. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /**
   * Counts what is there before anything in the sandbox can have changed it: what was changed at `unchangedSinceMs` (epoch) or later
   * may be its work and is left out, which makes growth of it.
   */
  async takeBase(unchangedSinceMs: number): Promise<DiskBase> {
    const startedAt = this.#parts.clock.monotonic();
    const free = this.#parts.freeAtFirst ?? (await this.#free());
    const { bytes, inodes } = await this.#countFolders(new LinksSeen(), this.#pace(), unchangedSinceMs);
    this.#base = { bytes, inodes, freeBytes: free.bytes, freeInodes: free.inodes };
    if (this.#parts.isNew === true) {
      const beginning = this.#beginning(free);
      this.#last = { ...beginning, tookMs: beginning.endedAt - startedAt };
      this.#sure ??= beginning;
    }
    return this.#base;
  }

  /** Counts now. What is asked for while a count goes on gets the result of a new one. */
  async count(sure?: SureCount): Promise<DiskUsage> {
    await this.#counting?.catch(() => undefined);
    this.#counting ??= this.#count(sure).finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  /** Resolves when no count goes on, whether it succeeded or not: until then the folders have to stay open. */
  async idle(): Promise<void> {
    await this.#counting?.catch(() => undefined);
  }

  /** While commands run: whether the limit may have been passed since the last sure count, or whether a count is due. */
  async look(): Promise<'in-doubt' | 'due' | 'fine'> {
    const [sure, last] = [this.#now(this.#sure), this.#now(this.#last)];
    const present = await this.#present();
    if (sure === undefined || isInDoubt(sure, last, present.free)) return 'in-doubt';
    return last === undefined || isCountDue(last, present) ? 'due' : 'fine';
  }

  /** Returns what tells which share of the limits the file systems have lost from now on. */
  async lossFromNow(): Promise<() => Promise<number>> {
    const before = await this.#free();
    return async () => {
      const [free, limits] = [await this.#free(), this.#parts.limits()];
      return Math.max((before.bytes - free.bytes) / limits.bytes, (before.inodes - free.inodes) / limits.inodes);
    };
  }

  /** Whether a command that has ended may have left so much that a count is worth it. */
  async isWorthwhile(): Promise<boolean> {
    const last = this.#now(this.#last);
    return last === undefined || isCountWorthwhile(last, await this.#present());
  }

  /** How long to wait before a count that is not urgent, in milliseconds. */
  get restLeftMs(): number {
    return this.#last === undefined ? 0 : restLeftMs(this.#last, this.#parts.clock.monotonic());
  }

  #now(count: LastCount | undefined): LastCount | undefined {
    return count && { ...count, usage: { ...count.usage, limits: this.#parts.limits() } };
  }

  #beginning({ bytes, inodes = Number.POSITIVE_INFINITY }: { bytes: number; inodes?: number | undefined }): LastCount {
    const { clock, limits } = this.#parts;
    const usage = { bytes: 0, inodes: 0, limits: limits(), countedAtMs: clock.now() };
    return { usage, isSure: true, free: { bytes, inodes }, written: 0, endedAt: clock.monotonic(), tookMs: 0 };
  }

  async #count(sure: SureCount | undefined): Promise<DiskUsage> {
    const { clock, processes, limits } = this.#parts;
    const startedAt = clock.monotonic();
    // Taken first: what is written while the count goes on may be missing in it, and calls for the next.
    const pids = processes();
    const look = { free: await this.#free(), written: this.#written.look(pids) };
    const links = new LinksSeen();
    const tree = await this.#countFolders(links, this.#pace());
    const unnamed = await this.#countUnnamed(pids, links, sure !== undefined);
    this.#isUnderWay = unnamed.underWay > 0 && sure?.isLast !== true;
    const hidden = this.#isUnderWay ? 0 : unnamed.underWay;
    const grown = this.#growth([tree, unnamed], look, hidden + (this.#parts.unreachable ?? 0));
    const usage = { ...grown, limits: limits(), countedAtMs: clock.now() };
    const endedAt = clock.monotonic();
    // Asked last, so that it holds for what is free as well.
    const freeAfter = await this.#free();
    const isSure = sure?.isStill() === true && !this.#isUnderWay;
    const free = isSure ? freeAfter : look.free;
    this.#last = { ...look, free, usage, isSure, endedAt, tookMs: endedAt - startedAt };
    if (isSure) this.#sure = this.#last;
    return usage;
  }

  async #countUnnamed(pids: readonly number[], links: LinksSeen, isWhole: boolean): Promise<OpenFilesCount> {
    const { folders, init, procRoot = '/proc' } = this.#parts;
    const devices = new Set(folders.map(({ dev }) => dev));
    const present = fileSystemsOf(folders.map(({ fd }) => fd));
    const mayBeWritten = writtenInside(init?.(), present);
    const fileSystems = numbersOf(present);
    const place = { devices, fileSystems, mayBeWritten, procRoot };
    return countUnnamedFiles({ pids, ...place, links, isWhole, pace: this.#pace() });
  }

  /**
   * Where a folder could not be looked into (its owner inside can take our permission away, or nest without end), what it may hold
   * is taken to be all that the file systems have lost since the beginning, in bytes and in files: whoever hides a folder has others' writing counted, too.
   * What the sandbox has written by its own counters is no bound of it: fallocate adds nothing there.
   */
  #growth(
    counts: readonly TreeCount[],
    { free }: Pick<LastCount, 'free'>,
    hidden: number,
  ): { readonly bytes: number; readonly inodes: number } {
    const sum = (key: keyof TreeCount) => counts.reduce((total, count) => total + count[key], 0);
    const { bytes = 0, inodes = 0, freeBytes = free.bytes, freeInodes = free.inodes } = this.#base ?? {};
    const seen = { bytes: Math.max(0, sum('bytes') - bytes), inodes: Math.max(0, sum('inodes') - inodes) };
    if (sum('uncounted') + hidden === 0) return seen;
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
    return freeSpaceOf(this.#parts.folders);
  }

  #pace(): Pace {
    return new Pace(this.#parts.clock, this.#signal);
  }

  async #present(): Promise<Present> {
    const { clock, processes } = this.#parts;
    return { now: clock.monotonic(), free: await this.#free(), written: () => this.#written.look(processes()) };
  }
}
