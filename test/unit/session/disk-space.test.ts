import { describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../src/kit/deferred.js';
import { AlarmBook } from '../../../src/monitor/alarms/alarm-book.js';
import type { SureCount } from '../../../src/monitor/disk/accountant.js';
import type { DiskUsage } from '../../../src/monitor/disk/usage.js';
import type { Look, Stillness } from '../../../src/sandbox/stand-still.js';
import { alarmOnDisk } from '../../../src/session/disk/disk-alarm.js';
import { DiskSpace } from '../../../src/session/disk/disk-space.js';
import { HeldClock } from '../tools/support/stage.js';

const limits = { bytes: 100, inodes: 1000 };
const usageOf = (bytes: number, inodes = 1): DiskUsage => ({ bytes, inodes, limits, countedAtMs: 0 });

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

  stop(): Look {
    this.stops += 1;
    const wasHolding = this.isHolding;
    this.isHolding = true;
    return { stillness: wasHolding ? this.found : 'running', trace: this.runsBetween ? `7T${this.stops}` : '7T1' };
  }

  release(): void {
    this.isHolding = false;
  }
}

function stage() {
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

describe('the disk of a session', () => {
  it('takes another limit, by which a full one has room again at once, and its alarm is over', async () => {
    const { accountant, space } = stage();
    const levels: string[] = [];
    space.listen((level) => levels.push(level));
    accountant.next = usageOf(100);
    await space.count();
    expect(space.isFull()).toBe(true);
    space.setLimit(200);
    expect(space.isFull()).toBe(false);
    await space.admit('pdk_a');
    expect(levels).toEqual(['reached', 'usual']);
    space.setLimit(110);
    expect([levels.at(-1), accountant.counts]).toEqual(['warning', 1]);
  });

  it('ends every command at the limit, and says so with numbers', async () => {
    const { clock, accountant, space } = stage();
    const ended: string[] = [];
    const over = space.begin(() => ended.push('one'));
    space.begin(() => ended.push('two'));
    await clock.pass(1000);
    expect(ended).toEqual([]);
    accountant.next = usageOf(100);
    await clock.pass(1500);
    expect(new Set(ended)).toEqual(new Set(['one', 'two']));
    expect(space.words).toMatch(/100 B of 100 B.*\(disk\.limit\)/);
    over();
    ended.length = 0;
    await clock.pass(500);
    expect(ended).not.toContain('one');
  });

  it('ends them at the limit of files and folders as well', async () => {
    const { clock, accountant, space } = stage();
    let ended = false;
    accountant.next = usageOf(0, 1000);
    space.begin(() => {
      ended = true;
    });
    await clock.pass(500);
    expect(ended).toBe(true);
  });

  it('stands still where the limit may have been reached, and goes on when it was not', async () => {
    const { clock, accountant, hold, space } = stage();
    const { promise, resolve } = deferred<undefined>();
    let ended = false;
    let admitted = false;
    space.begin(() => {
      ended = true;
    });
    accountant.state = 'in-doubt';
    accountant.gate = promise;
    await clock.pass(1000);
    expect([hold.isHolding, accountant.counts]).toEqual([true, 1]);
    const admission = space.admit('pdk_x').then(() => {
      admitted = true;
    });
    await clock.pass(1000);
    expect([hold.isHolding, accountant.counts, admitted]).toEqual([true, 1, false]);
    accountant.state = 'fine';
    accountant.next = usageOf(99);
    resolve(undefined);
    await clock.pass(500);
    await admission;
    expect([hold.isHolding, accountant.counts, ended]).toEqual([false, 1, false]);
    expect(accountant.verdict?.bytes).toBe(99);
  });

  it('has what is stopped at the limit stay so until it is gone', async () => {
    const { clock, accountant, hold, space } = stage();
    let ended = false;
    const over = space.begin(() => {
      ended = true;
    });
    accountant.state = 'in-doubt';
    accountant.next = usageOf(100);
    await clock.pass(1500);
    expect([ended, hold.isHolding]).toEqual([true, true]);
    over();
    await clock.pass(500);
    expect(hold.isHolding).toBe(false);
  });

  it('lets a command that is being started at the limit run, so that it can be ended', async () => {
    const { clock, accountant, hold, space } = stage();
    // Without an end: nobody can end it yet.
    space.begin(() => undefined);
    accountant.state = 'in-doubt';
    accountant.next = usageOf(100);
    await clock.pass(4000);
    expect([space.isFull(), hold.isHolding]).toEqual([true, false]);
  });

  it('ends nothing by a count that went on beside the commands: that may have met something twice', async () => {
    const { clock, accountant, hold, space } = stage();
    let ended = false;
    space.begin(() => {
      ended = true;
    });
    accountant.next = usageOf(120);
    await vi.waitFor(async () => {
      await clock.pass(20, 20);
      expect(accountant.counts).toBe(1);
    });
    accountant.next = usageOf(60);
    await clock.pass(1000);
    expect(accountant.verdict?.bytes).toBe(60);
    expect([ended, hold.isHolding]).toEqual([false, false]);
  });

  it('stops the commands while a count goes on beside them, once the limit may have been reached', async () => {
    const { clock, accountant, hold, space } = stage();
    const { promise, resolve } = deferred<undefined>();
    accountant.gate = promise;
    space.begin(() => undefined);
    await clock.pass(1000);
    expect([accountant.counts, hold.isHolding]).toEqual([1, false]);
    accountant.state = 'in-doubt';
    await clock.pass(500);
    expect([accountant.counts, hold.isHolding]).toEqual([1, true]);
    resolve(undefined);
    await clock.pass(1000, 10);
    // And counts once more, for sure.
    expect(accountant.verdict).toBe(accountant.usage);
  });

  it('ends what does not stand still: what runs after five seconds, what writes on after one', async () => {
    for (const { found, loss, seconds } of [
      { found: 'running', loss: 0, seconds: 5 },
      { found: 'running', loss: 1 / 64, seconds: 1 },
      { found: 'in-kernel', loss: 1 / 64, seconds: 1 },
    ] as const) {
      const { clock, accountant, hold, space } = stage();
      let ended = false;
      const over = space.begin(() => {
        ended = true;
      });
      accountant.state = 'in-doubt';
      Object.assign(accountant, { loss });
      hold.found = found;
      await clock.pass(seconds * 1000 - 250, 10);
      expect([ended, hold.isHolding]).toEqual([false, true]);
      await clock.pass(500, 10);
      expect([ended, hold.isHolding]).toEqual([true, true]);
      expect(space.words).toContain('could not be made to stand still');
      over();
      accountant.state = 'fine';
      await clock.pass(1000);
      expect([hold.isHolding, space.isFull()]).toEqual([false, false]);
    }
  });

  it('takes what waits in the kernel and writes nothing for still after a second', async () => {
    const { clock, accountant, hold, space } = stage();
    accountant.state = 'in-doubt';
    hold.found = 'in-kernel';
    space.begin(() => undefined);
    await clock.pass(900, 10);
    expect(accountant.counts).toBe(0);
    await clock.pass(500, 10);
    expect(accountant.verdict).toBe(accountant.usage);
  });

  it('counts again when something was let go on meanwhile, and ends what always is', async () => {
    const { clock, accountant, hold, space } = stage();
    let ended = false;
    space.begin(() => {
      ended = true;
    });
    accountant.state = 'in-doubt';
    // Still when a count begins, and found running at its end.
    const stop = hold.stop.bind(hold);
    let isCounting = false;
    hold.stop = () => (isCounting ? { stillness: 'running', trace: '7R2' } : stop());
    const count = accountant.count.bind(accountant);
    accountant.count = async (sure) => {
      isCounting = true;
      const usage = await count(sure);
      isCounting = false;
      return usage;
    };
    await clock.pass(4750, 10);
    expect(accountant.counts).toBeGreaterThan(3);
    expect([ended, hold.isHolding]).toEqual([false, true]);
    await clock.pass(500, 10);
    expect(ended).toBe(true);
  });

  it('ends what is found stopped each time and has run in between', async () => {
    for (const { found, loss, seconds } of [
      { found: 'still', loss: 0, seconds: 5 },
      { found: 'still', loss: 1 / 64, seconds: 1 },
      { found: 'in-kernel', loss: 0, seconds: 30 },
    ] as const) {
      const { clock, accountant, hold, space } = stage();
      let ended = false;
      space.begin(() => {
        ended = true;
      });
      accountant.state = 'in-doubt';
      Object.assign(accountant, { loss });
      Object.assign(hold, { found, runsBetween: true });
      await clock.pass(seconds * 1000 - 250, 10);
      // No such count is sure, whatever it found.
      expect([ended, hold.isHolding, accountant.verdict === accountant.usage]).toEqual([false, true, false]);
      await clock.pass(1500, 10);
      expect([ended, space.isFull()]).toEqual([true, true]);
    }
  });

  it('rests after a look as long as that took', async () => {
    const { clock, accountant, hold, space } = stage();
    accountant.state = 'in-doubt';
    hold.found = 'running';
    const stop = hold.stop.bind(hold);
    let behindMs = 0;
    hold.stop = () => {
      behindMs += 700;
      return stop();
    };
    const { monotonic } = clock;
    clock.monotonic = () => monotonic.call(clock) + behindMs;
    space.begin(() => undefined);
    await clock.pass(3000, 10);
    expect(hold.stops).toBeLessThan(8);
    expect(hold.stops).toBeGreaterThan(1);
  });

  it('lets nothing start while it is full, and counts anew for each that asks', async () => {
    const { clock, accountant, space } = stage();
    await space.admit('pdk_x');
    expect(accountant.counts).toBe(0);
    accountant.next = usageOf(120);
    await space.count();
    const [refused] = await Promise.allSettled([space.admit('pdk_x'), clock.pass(250)]);
    expect(refused).toMatchObject({
      reason: { code: 'LIMIT_REACHED', info: { ruleId: 'disk.limit', usedBytes: 120, limitBytes: 100 } },
    });
    expect(accountant.counts).toBe(2);
    // After a long count the next one is not made for everybody who asks.
    accountant.restLeftMs = 2001;
    await expect(space.admit('pdk_x')).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(accountant.counts).toBe(2);
    accountant.restLeftMs = 2000;
    accountant.next = usageOf(20);
    const admitted = space.admit('pdk_x');
    await clock.pass(1750);
    expect(accountant.counts).toBe(2);
    await clock.pass(250);
    await admitted;
  });

  it('counts nothing while nothing is due and nothing was left behind', async () => {
    const { clock, accountant, space } = stage();
    accountant.state = 'fine';
    accountant.worthwhile = false;
    const over = space.begin(() => undefined);
    await clock.pass(5000);
    over();
    await clock.pass(5000);
    expect(accountant.counts).toBe(0);
  });

  it('counts once more when the last command has ended, and then rests', async () => {
    const { clock, accountant, space } = stage();
    accountant.state = 'fine';
    const over = space.begin(() => undefined);
    await clock.pass(500);
    over();
    await clock.pass(1000);
    accountant.worthwhile = false;
    await clock.pass(60_000, 1000);
    expect(accountant.counts).toBe(1);
  });

  it('raises an alarm at four fifths and at 95 %, each once, until there is room again', async () => {
    const { accountant, space, clock } = stage();
    const alarms: string[] = [];
    const book = new AlarmBook(clock, ({ kind, level, text }) =>
      alarms.push(`${kind} ${level}: ${text.split(',')[0]}`),
    );
    const listening = alarmOnDisk('pdk_x', space, book);
    for (const bytes of [10, 80, 85, 95, 20, 99, 100, 120]) {
      accountant.next = usageOf(bytes);
      await space.count();
    }
    expect(alarms).toEqual([
      'disk warning: it has added 80 B of 100 B',
      'disk critical: it has added 95 B of 100 B',
      'disk critical: it has added 99 B of 100 B',
      'disk critical: it has added 100 B of 100 B',
    ]);
    expect(book.of('pdk_x').at(-1)).toMatchObject({
      inForce: true,
      values: { bytes: 100, limitBytes: 100, inodes: 1 },
    });
    await listening[Symbol.asyncDispose]();
    accountant.next = usageOf(10);
    await space.count();
    expect(book.of('pdk_x').at(-1)).toMatchObject({ inForce: true });
  });

  it('ends what runs when it can not be counted for ten tries, and lets it start again once it can', async () => {
    const { clock, accountant, space } = stage();
    accountant.broken = new Error('EIO');
    let ended = false;
    const over = space.begin(() => {
      ended = true;
    });
    await clock.pass(8000);
    expect(ended).toBe(false);
    await clock.pass(4000);
    expect(ended).toBe(true);
    over();
    const [refused] = await Promise.allSettled([space.admit('pdk_x'), clock.pass(250)]);
    expect(refused).toMatchObject({ reason: { code: 'LIMIT_REACHED' } });
    expect(space.words).toContain('can not be counted');
    accountant.broken = undefined;
    const admitted = space.admit('pdk_x');
    await clock.pass(250);
    await admitted;
  });

  it('stops looking when it is disposed, and closes what was open', async () => {
    const { clock, accountant, space, closed } = stage();
    space.begin(() => undefined);
    await clock.pass(500);
    await space[Symbol.asyncDispose]();
    const { counts } = accountant;
    await clock.pass(5000);
    expect([accountant.counts, closed()]).toEqual([counts, 1]);
  });
});
