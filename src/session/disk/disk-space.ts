import { SessionError } from '../../core/errors.js';
import type { Clock } from '../../kit/clock.js';
import type { DiskAccountant, SureCount } from '../../monitor/disk/accountant.js';
import type { DiskUsage } from '../../monitor/disk/usage.js';
import type { StandStill } from '../../sandbox/stand-still.js';
import { type DiskLevel, diskHint, diskLevelOf, diskRule, diskText } from './disk-words.js';
import { judgeStill } from './judge-still.js';
import { isOver, lookEveryMs } from './still-count.js';

export interface DiskSpaceParts {
  readonly accountant: Pick<
    DiskAccountant,
    'usage' | 'verdict' | 'count' | 'look' | 'lossFromNow' | 'isWorthwhile' | 'restLeftMs' | 'isUnderWay'
  >;
  /** Makes what runs in the session stand still. */
  readonly hold: Pick<StandStill, 'stop' | 'holdAll' | 'release' | 'isHolding'>;
  readonly clock: Clock;
  /** Resolves when it is known what was there before the sandbox. */
  readonly begin: () => Promise<void>;
  /** Has the accountant hold it against this many bytes. */
  readonly setLimit: (bytes: number) => void;
  /** Closes what is open. */
  readonly close: () => Promise<void>;
}

type LevelListener = (level: DiskLevel, usage: DiskUsage) => void;

/** So many looks long what is being ended stays stopped. */
const mostFullLooks = 10;
/** Who asks for room waits so long at most for the next count, which keeps its distance to the last. */
const longestRestMs = 2000;
/** A file system that does not answer is asked again after so long; after so many times the session counts as full. */
const retry = { afterMs: 1000, most: 10 } as const;

/**
 * The limit of what one session adds to the disk, kept by whoever holds the session: looked at while its commands run and when they
 * have ended. Where it may have been reached, the session stands still until that is known for sure. At the limit every command is
 * ended; what was written stays, and nothing new starts until there is room again.
 */
export class DiskSpace implements AsyncDisposable {
  readonly #parts: DiskSpaceParts;
  readonly #stop = new AbortController();
  readonly #live = new Set<() => void>();
  #begun = 0;
  #hasBegun = false;
  #watching: Promise<void> | undefined;
  #judging: Promise<boolean> | undefined;
  #level: DiskLevel = 'usual';
  #failures = 0;
  #isRestless = false;
  #fullLooks = 0;
  #onLevel: LevelListener | undefined;

  constructor(parts: DiskSpaceParts) {
    this.#parts = parts;
  }

  /** As of the last count; undefined before the first. */
  get usage(): DiskUsage | undefined {
    return this.#parts.accountant.usage;
  }

  /** For sure; also where it can't be counted any more. */
  isFull(): boolean {
    if (this.#failures >= retry.most || this.#isRestless) return true;
    const { verdict } = this.#parts.accountant;
    return verdict !== undefined && diskLevelOf(verdict) === 'reached';
  }

  /** Counts now. */
  async count(): Promise<void> {
    const begun = this.#begun;
    await this.#count({ isStill: () => this.#live.size === 0 && this.#begun === begun });
  }

  /** Another limit, in bytes, from now on; what has been added counts against it as it was counted last. */
  setLimit(bytes: number): void {
    this.#parts.setLimit(bytes);
    if (this.usage !== undefined) this.#noteLevel(this.usage);
  }

  /** Calls `listener` when a count finds another level than the one before, until what is returned is disposed. */
  listen(listener: LevelListener): AsyncDisposable {
    this.#onLevel = listener;
    return {
      [Symbol.asyncDispose]: () => {
        this.#onLevel = undefined;
        return Promise.resolve();
      },
    };
  }

  /** Lets a command start, after a new count where the last found no room: somebody may have made some. Errors: LIMIT_REACHED. */
  async admit(sessionId: string): Promise<void> {
    // What starts would stand still as well, and be counted as somebody who doesn't.
    while (this.#judging !== undefined) await this.#judging.catch(() => undefined);
    if (!this.isFull()) return;
    const { restLeftMs } = this.#parts.accountant;
    if (restLeftMs <= longestRestMs) {
      await this.#sleep(restLeftMs);
      await this.count().catch(() => undefined);
    }
    if (!this.isFull()) return;
    const { usage } = this;
    throw new SessionError('LIMIT_REACHED', `session ${sessionId} can't write: ${this.#what}`, {
      hint: diskHint,
      info: { ruleId: diskRule, usedBytes: usage?.bytes, limitBytes: usage?.limits.bytes, inodes: usage?.inodes },
    });
  }

  /**
   * A command runs, or is about to, until the returned function is called; `end` is called once the limit is reached, maybe more than
   * once.
   */
  begin(end: () => void): () => void {
    this.#begun += 1;
    this.#live.add(end);
    this.#watching ??= this.#watch();
    return () => void this.#live.delete(end);
  }

  /** Why the commands were ended, and what to do. */
  get words(): string {
    return `${this.#what} (${diskRule}). ${diskHint}`;
  }

  get #what(): string {
    const { usage } = this;
    if (this.#isRestless) return 'near the limit of the disk it could not be made to stand still to be counted';
    if (this.#failures >= retry.most || usage === undefined) return 'what it has added to the disk can not be counted';
    return `it has added ${diskText(usage)} to the disk`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    this.#parts.hold.release();
    await this.#parts.close();
  }

  async #watch(): Promise<void> {
    while (!this.#isStopped()) {
      try {
        if (!this.#hasBegun) await this.#whileLooking(this.#parts.begin());
        this.#hasBegun = true;
        if (!(await this.#look())) break;
      } catch {
        // Being stopped breaks off counts and sleeps as well.
        if (this.#isStopped()) break;
        this.#failures += 1;
        this.#endIfFull();
        await this.#sleep(retry.afterMs).catch(() => undefined);
      }
    }
    // A command may have begun in between.
    this.#watching = this.#live.size > 0 && !this.#isStopped() ? this.#watch() : undefined;
  }

  async #count(sure?: SureCount): Promise<void> {
    await this.#parts.begin();
    const isStill = () => {
      const isSure = sure?.isStill() === true;
      if (isSure) this.#isRestless = false;
      return isSure;
    };
    const usage = await this.#parts.accountant.count(sure && { ...sure, isStill });
    this.#failures = 0;
    this.#noteLevel(usage);
  }

  /** Whether to look again. */
  async #look(): Promise<boolean> {
    const { accountant, hold } = this.#parts;
    if (this.#live.size > 0) {
      await this.#lookAtLive();
      return true;
    }
    hold.release();
    if (!(await accountant.isWorthwhile())) return this.#live.size > 0;
    await this.#sleep(accountant.restLeftMs);
    if (this.#live.size === 0) await this.count();
    return this.#live.size > 0;
  }

  async #lookAtLive(): Promise<void> {
    const { accountant, hold } = this.#parts;
    const state = this.isFull() ? 'full' : await accountant.look();
    if (state === 'in-doubt') await this.#judge();
    if (state === 'due') {
      await this.#whileLooking(this.#count());
      // What was stopped meanwhile is judged before it goes on.
      if (hold.isHolding) return;
    }
    // Also those that were let in before the count. They stay stopped until they are gone, but not for ever: a command that is just
    // being started can't be ended before it runs.
    this.#endIfFull();
    this.#fullLooks = this.isFull() ? this.#fullLooks + 1 : 0;
    if (this.#fullLooks === 0 || this.#fullLooks > mostFullLooks) hold.release();
    await this.#sleep(lookEveryMs);
  }

  /** Waits for a count that commands go on beside, as long as the limit can't have been reached. */
  async #whileLooking(counting: Promise<void>): Promise<void> {
    const { accountant, hold, clock } = this.#parts;
    while (!(await isOver(counting, lookEveryMs, { clock, signal: this.#stop.signal }))) {
      if (this.#live.size > 0 && (await accountant.look()) === 'in-doubt') hold.stop();
    }
  }

  async #judge(): Promise<void> {
    const count = (sure: SureCount) => this.#count(sure);
    this.#judging = judgeStill({ ...this.#parts, count, signal: this.#stop.signal });
    try {
      if (!(await this.#judging)) this.#isRestless = true;
    } finally {
      this.#judging = undefined;
    }
  }

  #noteLevel(usage: DiskUsage): void {
    const level = diskLevelOf(usage);
    if (level === this.#level) return;
    this.#level = level;
    this.#onLevel?.(level, usage);
  }

  #endIfFull(): void {
    if (this.isFull()) for (const end of this.#live) end();
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #sleep(ms: number): Promise<void> {
    await this.#parts.clock.sleep(ms, this.#stop.signal);
  }
}
