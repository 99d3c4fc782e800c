import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { eachInTurns, filterInTurns, mapInTurns, sortInTurns, Turns } from '../../../src/kit/turns.js';
import { AtOnce } from '../support/at-once.js';

const count = 10_000;
/** A turn is due after five looks at the clock of the test, and one is had after sixteen things. */
const mostAtOnce = 200;

describe('long work', () => {
  let seen: AtOnce;
  beforeEach(() => {
    seen = new AtOnce();
  });
  const numbers = [...Array(count).keys()];

  it('lets others have their turn', async () => {
    const turns = new Turns();
    let others = 0;
    const timer = setInterval(() => {
      others += 1;
    }, 1);
    // However busy the machine is: without turns there are none in any time.
    const until = performance.now() + 10_000;
    while (others < 2 && performance.now() < until) await turns.give();
    clearInterval(timer);
    expect(others).toBeGreaterThan(1);
  });

  it('is done with each of many things, in their order, a few at once', async () => {
    const done: number[] = [];
    await seen.during(() =>
      eachInTurns(numbers, new Turns(), (one) => {
        seen.note();
        done.push(one);
      }),
    );
    expect(done).toEqual(numbers);
    expect(seen.most).toBeLessThan(mostAtOnce);
    const double = (one: number) => 2 * one;
    expect(await mapInTurns(numbers, new Turns(), double)).toEqual(numbers.map(double));
    const isOdd = (one: number) => one % 2 === 1;
    expect(await filterInTurns(numbers, new Turns(), isOdd)).toEqual(numbers.filter(isOdd));
  });

  it('sorts as a list is sorted, and leaves what is equal in its order', async () => {
    const pair = fc.record({ by: fc.nat(50), at: fc.nat() });
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { maxLength: 5000, size: 'max' }), async (all) => {
        const compare = (a: { by: number }, b: { by: number }) => a.by - b.by;
        expect(await sortInTurns(all, new Turns(), compare)).toEqual(all.toSorted(compare));
      }),
      { numRuns: 20 },
    );
  });

  it('sorts a part at once', async () => {
    const compare = (a: number, b: number) => {
      seen.note();
      return b - a;
    };
    const sorted = await seen.during(() => sortInTurns(numbers, new Turns(), compare));
    expect(sorted).toEqual(numbers.toReversed());
    // The first half of ten steps for each of a thousand, five times.
    expect(seen.most).toBeLessThan(100_000);
  });

  it('ends when nobody waits for it any more', async () => {
    const over = new AbortController();
    const endless = function* () {
      for (;;) yield 1;
    };
    setImmediate(() => over.abort(new Error('gone')));
    await expect(eachInTurns(endless(), new Turns(over.signal), () => undefined)).rejects.toThrow('gone');
    await expect(eachInTurns([], new Turns(over.signal), () => undefined)).resolves.toBeUndefined();
    await expect(new Turns(over.signal).give()).rejects.toThrow('gone');
  });
});
