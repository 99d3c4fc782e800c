import { describe, expect, it } from 'vitest';
import type { SureCount } from '../../../src/monitor/disk/accountant.js';
import { type JudgeStillParts, judgeStill } from '../../../src/session/disk/judge-still.js';
import { HeldClock } from '../tools/support/stage.js';

/** A session whose counts find files under way in the first so many. */
function stage(underWay: number) {
  const clock = new HeldClock();
  const seen: string[] = [];
  const accountant = { isUnderWay: false, lossFromNow: () => Promise.resolve(() => Promise.resolve(0)) };
  const count = (sure: SureCount) => {
    const wasStill = sure.isStill();
    seen.push(sure.isLast === true ? 'last' : 'count');
    accountant.isUnderWay = seen.filter((one) => one !== 'release').length <= underWay && sure.isLast !== true;
    return wasStill ? Promise.resolve() : Promise.reject(new Error('it ran'));
  };
  const hold: JudgeStillParts['hold'] = {
    stop: () => ({ stillness: 'still', trace: '' }),
    holdAll: () => Promise.resolve(true),
    release: () => void seen.push('release'),
  };
  const judging = judgeStill({ accountant, count, hold, clock, signal: new AbortController().signal });
  return { clock, seen, judging };
}

describe('a session that stands still', () => {
  it('is counted once where nothing is under way in a socket', async () => {
    const { clock, seen, judging } = stage(0);
    await clock.pass(500, 10);
    expect([await judging, seen]).toEqual([true, ['count']]);
  });

  it('goes on for a moment where it was stopped between sending a file and receiving it, and is counted again', async () => {
    const { clock, seen, judging } = stage(1);
    await clock.pass(500, 10);
    expect([await judging, seen]).toEqual([true, ['count', 'release', 'count']]);
  });

  it('is counted for good at the third time, whatever is under way', async () => {
    const { clock, seen, judging } = stage(9);
    await clock.pass(500, 10);
    expect([await judging, seen]).toEqual([true, ['count', 'release', 'count', 'release', 'last']]);
  });
});
