import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../../kit/clock.js';
import { isDoneWithin } from '../../kit/done-within.js';
import { isStrictlyInside } from '../../kit/path-containment.js';
import { DiskAccountant, type DiskBase, type WritableFolder } from '../../monitor/disk/accountant.js';
import { type FreeSpace, freeSpaceOf } from '../../monitor/disk/free-space.js';
import type { DiskLimits, DiskUsage } from '../../monitor/disk/usage.js';
import type { InitIdentity } from '../../sandbox/init-identity.js';
import { ownProcessesOf } from '../../sandbox/own-processes.js';
import { processesOf } from '../../sandbox/processes.js';
import { StandStill } from '../../sandbox/stand-still.js';
import { walkDown } from '../../workspace/open-without-links.js';
import type { SessionRecord } from '../record.js';
import { DiskSpace } from './disk-space.js';

/** How long making a session waits for a large project to be counted, in milliseconds. */
const patienceMs = 2000;
const longestLookMs = 10_000;

/** The disk of a session that is being made, or taken over. */
export class OpenedDisk {
  readonly space: DiskSpace;
  readonly #accountant: DiskAccountant;
  readonly #beginsAtMs: number;
  readonly #hold = new StandStill(
    () => this.#init,
    () => this.#holdByInit,
  );
  #begun: Promise<DiskBase> | undefined;
  readonly #clock: Clock;
  readonly #freeAtFirst: FreeSpace | undefined;
  #init: InitIdentity | undefined;
  #holdByInit: (() => Promise<void>) | undefined;

  constructor(
    record: SessionRecord,
    given: DiskLimits,
    { handles, folders, unreachable, freeAtFirst }: Opened,
    clock: Clock,
  ) {
    this.#clock = clock;
    let limits = given;
    this.#init = record.container;
    this.#freeAtFirst = freeAtFirst;
    const stop = new AbortController();
    const parts = {
      folders,
      limits: () => limits,
      processes: () => (this.#init === undefined ? [] : pidsOf(this.#init)),
      ...{ clock, init: () => (canMount(record) ? undefined : this.#init?.initPid || undefined) },
      uid: process.getuid?.() ?? 0,
      base: record.diskBase,
      freeAtFirst,
      isNew: record.container === undefined,
      unreachable,
    };
    this.#accountant = new DiskAccountant(parts, stop.signal);
    this.#beginsAtMs = record.createdAtMs;
    // Whoever waits for it hears of it, and tries again.
    this.#begin().catch(() => undefined);
    this.space = new DiskSpace({
      accountant: this.#accountant,
      hold: this.#hold,
      clock,
      begin: () => this.#begin(),
      setLimit: (bytes) => {
        limits = { ...limits, bytes };
      },
      close: async () => {
        stop.abort();
        await this.#idle();
        await Promise.all(handles.map((handle) => handle.close()));
      },
    });
  }

  async #idle(): Promise<void> {
    await this.#begun?.catch(() => undefined);
    await this.#accountant.idle();
  }

  /** Says which sandbox it is of, once there is one, and how its process 1 is asked to stop everything (`Sandbox.hold`). */
  belongsTo(init: InitIdentity, holdByInit: (() => Promise<void>) | undefined): void {
    this.#init = init;
    this.#holdByInit = holdByInit;
  }

  /** As `belongsTo`, and lets what was stopped go on: its last holder may have gone before a count was over. */
  takenOver(...sandbox: Parameters<OpenedDisk['belongsTo']>): void {
    this.belongsTo(...sandbox);
    this.#hold.wake();
  }

  /** What was there before, for the record; only what was free then when a large project takes longer to count. */
  async noted(): Promise<Pick<SessionRecord, 'diskBase' | 'diskFree'>> {
    const begun = this.#begin().catch(() => undefined);
    await isDoneWithin(begun, patienceMs, this.#clock);
    const { base } = this.#accountant;
    if (base !== undefined) return { diskBase: { ...base } };
    return this.#freeAtFirst === undefined ? {} : { diskFree: { ...this.#freeAtFirst } };
  }

  async #begin(): Promise<void> {
    if (this.#accountant.base !== undefined) return;
    this.#begun ??= this.#accountant.takeBase(this.#beginsAtMs).finally(() => {
      this.#begun = undefined;
    });
    await this.#begun;
  }
}

/** What a session has added to the disk, counted by somebody who does not hold it; undefined where that takes too long. */
export async function countDisk(
  record: SessionRecord,
  clock: Clock,
  signal: AbortSignal,
): Promise<DiskUsage | undefined> {
  const opened = await openDisk(record, clock);
  if (opened === undefined) return undefined;
  await using space = opened.space;
  const counting = space.count().catch(() => undefined);
  await isDoneWithin(counting, longestLookMs, clock, signal);
  return space.usage;
}

/**
 * Opens what a session can write on the disk; undefined when there is nothing, or no limit in a record of an older version. Whoever
 * calls disposes the space. A folder that is no longer what the record says is left out: what it may hold is estimated.
 */
export async function openDisk(record: SessionRecord, clock: Clock): Promise<OpenedDisk | undefined> {
  const { diskBytes, diskInodes } = record.spec.limits;
  if (record.writableRoots.length === 0 || diskBytes === undefined || diskInodes === undefined) return undefined;
  const limits = { bytes: diskBytes, inodes: diskInodes };
  const opened = await openRoots(record.writableRoots);
  const isNew = record.container === undefined;
  const freeAtFirst = isNew ? await freeSpaceOf(opened.folders) : record.diskFree;
  return new OpenedDisk(record, limits, { ...opened, freeAtFirst }, clock);
}

/** Also where that is not known. */
function canMount({ spec: { seccomp } }: SessionRecord): boolean {
  return seccomp === undefined || seccomp === 'nested';
}

interface Opened {
  readonly handles: readonly FileHandle[];
  readonly folders: readonly WritableFolder[];
  readonly unreachable: number;
  /** What their file systems had left at the beginning, where that is known. */
  readonly freeAtFirst?: FreeSpace | undefined;
}

type WritableRoot = SessionRecord['writableRoots'][number];

async function openRoots(roots: readonly WritableRoot[]): Promise<Opened> {
  const handles: FileHandle[] = [];
  const folders: WritableFolder[] = [];
  // One beneath another is counted with that.
  const tops = roots.filter((root) => !roots.some((other) => isStrictlyInside(root.source, other.source)));
  for (const root of tops) {
    const handle = await walkDown(root.source).catch(() => undefined);
    if (handle === undefined) continue;
    handles.push(handle);
    const { dev, ino } = await handle.stat({ bigint: true });
    if (String(dev) === root.dev && String(ino) === root.ino) folders.push({ fd: handle.fd, dev: Number(dev) });
  }
  return { handles, folders, unreachable: tops.length - folders.length };
}

/** Our own are left out: they hold nothing of the project's. */
function pidsOf({ initPid, namespace }: Pick<InitIdentity, 'initPid' | 'namespace'>): readonly number[] {
  const isOurs = ownProcessesOf(initPid);
  return processesOf(namespace)
    .filter((one) => !isOurs(one))
    .map(({ pid }) => pid);
}
