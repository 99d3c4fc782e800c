import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/kit/clock.js';
import { isDoneWithin } from '../../../src/kit/done-within.js';

/** Counts who still waits for a time. */
function counted(sleep: Clock['sleep']): { readonly clock: Clock; readonly waiting: () => number } {
  let waiting = 0;
  const countedSleep: Clock['sleep'] = async (ms, signal) => {
    waiting += 1;
    await sleep(ms, signal).finally(() => {
      waiting -= 1;
    });
  };
  return { clock: { ...systemClock, sleep: countedSleep }, waiting: () => waiting };
}

const never = new Promise<never>(() => undefined);
const atOnce: Clock['sleep'] = () => Promise.resolve();
/** Ends by its signal alone. */
const untilCut: Clock['sleep'] = (_, signal) => systemClock.sleep(2 ** 30, signal);

describe('waiting for work for a time', () => {
  it('says that it is done, and waits for the time no more', async () => {
    const { clock, waiting } = counted(untilCut);
    expect(await isDoneWithin(Promise.resolve('done'), 1000, clock)).toBe(true);
    await new Promise(setImmediate);
    expect(waiting()).toBe(0);
  });

  it('says that it is not when the time is over', async () => {
    expect(await isDoneWithin(never, 1000, counted(atOnce).clock)).toBe(false);
  });

  it('takes no work for work that is done', async () => {
    expect(await isDoneWithin(undefined, 1000, counted(untilCut).clock)).toBe(true);
  });

  it('asks for no time below nothing', async () => {
    const asked: number[] = [];
    const sleep: Clock['sleep'] = (ms) => {
      asked.push(ms);
      return Promise.resolve();
    };
    expect(await isDoneWithin(never, -5, { ...systemClock, sleep })).toBe(false);
    expect(asked).toEqual([0]);
  });

  it('waits no longer than until the signal, also one that has fired before', async () => {
    const { clock, waiting } = counted(untilCut);
    const over = new AbortController();
    const waited = isDoneWithin(never, 1000, clock, over.signal);
    over.abort();
    expect(await waited).toBe(false);
    expect(await isDoneWithin(never, 1000, clock, over.signal)).toBe(false);
    expect(waiting()).toBe(0);
  });

  it('rejects as the work does', async () => {
    const { clock, waiting } = counted(untilCut);
    await expect(isDoneWithin(Promise.reject(new Error('broken')), 1000, clock)).rejects.toThrow('broken');
    await new Promise(setImmediate);
    expect(waiting()).toBe(0);
  });
});
