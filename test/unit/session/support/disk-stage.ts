import type { SureCount } from '../../../../src/monitor/disk/accountant.js';
import type { DiskUsage } from '../../../../src/monitor/disk/usage.js';
import type { Look, Stillness } from '../../../../src/sandbox/stand-still.js';
import { DiskSpace } from '../../../../src/session/disk/disk-space.js';
import { HeldClock } from '../../tools/support/stage.js';

export const limits = { bytes: 100, inodes: 1000 };
export const usageOf = (bytes: number, inodes = 1): DiskUsage => ({ bytes, inodes, limits, countedAtMs: 0 });

/** An accountant that counts what the test says. */
class StagedAccountant {
  usage: DiskUsage | undefined;
  verdict: DiskUsage | undefined = usageOf(0);
  next = usageOf(0);
  state: 'in-doubt' | 'due' | 'fine' = 'due';
  worthwhile = true;
  restLeftMs = 0;
  counts = 0;
  loss = 0;
  isUnderWay = false;
  broken: Error | undefined;
  /** What a count waits for. */
  gate: Promise<void> | undefined;

  async count(sure?: SureCount): Promise<DiskUsage> {
    this.counts += 1;
    await this.gate;
    if (this.broken !== undefined) throw this.broken;
    this.usage = this.next;
    if (sure?.isStill() === true) this.verdict = this.next;
    return this.next;
  }

  look(): Promise<'in-doubt' | 'due' | 'fine'> {
    const isDoubtful = this.usage !== this.verdict && (this.usage?.bytes ?? 0) >= limits.bytes;
    const isManyDoubtful = this.usage !== this.verdict && (this.usage?.inodes ?? 0) >= limits.inodes;
    return Promise.resolve(isDoubtful || isManyDoubtful ? 'in-doubt' : this.state);
  }

  lossFromNow(): Promise<() => Promise<number>> {
    return Promise.resolve(() => Promise.resolve(this.loss));
  }

  isWorthwhile(): Promise<boolean> {
    return Promise.resolve(this.worthwhile);
  }
}

/** A session that is found as the test says, once it has been told to stop. */
class StagedHold {
  isHolding = false;
  stops = 0;
  found: Stillness = 'still';
  /** Whether its threads have run each time it is looked at. */
  runsBetween = false;
  /** How many nobody has met until process 1 stopped everything; undefined: it can't be asked. */
  unmet: number | undefined = 0;
  holds = 0;
  #met = 0;

  stop(): Look {
    this.stops += 1;
    const wasHolding = this.isHolding;
    this.isHolding = true;
    return {
      stillness: wasHolding ? this.found : 'running',
      trace: `7T${this.runsBetween ? this.stops : 1} 8T${this.#met}`,
    };
  }

  holdAll(): Promise<boolean> {
    if (this.unmet === undefined) return Promise.resolve(false);
    this.holds += 1;
    if (this.unmet > 0) this.#met += 1;
    this.unmet = Math.max(0, this.unmet - 1);
    return Promise.resolve(true);
  }

  release(): void {
    this.isHolding = false;
  }
}

export function stage() {
  const clock = new HeldClock();
  const accountant = new StagedAccountant();
  const hold = new StagedHold();
  let closed = 0;
  const space = new DiskSpace({
    accountant,
    hold,
    clock,
    begin: () => Promise.resolve(),
    setLimit: (bytes) => {
      const against = (usage: DiskUsage | undefined) => usage && { ...usage, limits: { ...limits, bytes } };
      accountant.usage = against(accountant.usage);
      accountant.verdict = against(accountant.verdict);
    },
    close: () => {
      closed += 1;
      return Promise.resolve();
    },
  });
  return { clock, accountant, hold, space, closed: () => closed };
}
