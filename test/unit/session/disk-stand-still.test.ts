import { describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../src/kit/deferred.js';
import { stage, usageOf } from './support/disk-stage.js';

describe('a session that may have reached the limit of its disk', () => {
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
      Object.assign(hold, { found, runsBetween: true });
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

  it('takes what has not run since the last look for innocent of what others write', async () => {
    const { clock, accountant, hold, space } = stage();
    accountant.state = 'in-doubt';
    Object.assign(accountant, { loss: 1 });
    hold.found = 'in-kernel';
    let ended = false;
    space.begin(() => {
      ended = true;
    });
    await clock.pass(1500, 10);
    expect([ended, accountant.verdict === accountant.usage]).toEqual([false, true]);
  });

  it('waits for half a minute at most for what gets no processor to stop on', async () => {
    const { clock, accountant, hold, space } = stage();
    accountant.state = 'in-doubt';
    hold.found = 'running';
    let ended = false;
    space.begin(() => {
      ended = true;
    });
    await clock.pass(29_500, 50);
    expect(ended).toBe(false);
    await clock.pass(2000, 50);
    expect(ended).toBe(true);
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

  it('counts what stands still once process 1 has stopped everything and nobody new was met by that', async () => {
    for (const { unmet, holds } of [
      { unmet: 0, holds: 1 },
      { unmet: 3, holds: 4 },
      { unmet: undefined, holds: 0 },
    ]) {
      const { clock, accountant, hold, space } = stage();
      accountant.state = 'in-doubt';
      hold.unmet = unmet;
      space.begin(() => undefined);
      await vi.waitFor(async () => {
        await clock.pass(20, 20);
        expect(accountant.counts).toBe(1);
      });
      expect([hold.holds, accountant.verdict === accountant.usage]).toEqual([holds, true]);
    }
  });

  it('ends what process 1 meets anew each time', async () => {
    const { clock, accountant, hold, space } = stage();
    let ended = false;
    space.begin(() => {
      ended = true;
    });
    accountant.state = 'in-doubt';
    hold.unmet = Number.POSITIVE_INFINITY;
    await clock.pass(4750, 10);
    expect([ended, hold.isHolding, accountant.counts]).toEqual([false, true, 0]);
    await clock.pass(500, 10);
    expect([ended, space.isFull()]).toEqual([true, true]);
  });

  it('neither hangs nor stays stopped where process 1 does not answer: it is not counted, and ends after ten tries', async () => {
    const { clock, accountant, hold, space } = stage();
    let ended = false;
    space.begin(() => {
      ended = true;
    });
    accountant.state = 'in-doubt';
    hold.holdAll = () => Promise.reject(new Error('gone'));
    await clock.pass(8000);
    expect([ended, accountant.counts]).toEqual([false, 0]);
    await clock.pass(8000);
    expect([ended, hold.isHolding]).toEqual([true, false]);
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
    const monotonic = clock.monotonic.bind(clock);
    clock.monotonic = () => monotonic() + behindMs;
    space.begin(() => undefined);
    await clock.pass(3000, 10);
    expect(hold.stops).toBeLessThan(8);
    expect(hold.stops).toBeGreaterThan(1);
  });
});
