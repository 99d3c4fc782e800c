import { describe, expect, it } from 'vitest';
import { LookupTurns } from '../../../src/egress/lookup-turns.js';
import { Resolver } from '../../../src/egress/resolve.js';

const { signal } = new AbortController();

describe('turns to look names up', () => {
  it('are one at most for each key, whatever sessions it has, and two for whoever has no key', () => {
    const all = new LookupTurns();
    const [one, other] = [all.forKey(), all.forKey()];
    const [a, b, c] = [{}, {}, {}];
    expect([one.tryTake(a), one.tryTake(b), other.tryTake(c), other.tryTake(c)]).toEqual([true, false, true, false]);
    one.giveBack(a);
    other.giveBack(c);
    expect([all.tryTake(a), all.tryTake(a), one.tryTake(b)]).toEqual([true, true, false]);
  });

  it('go to a key that has waited rather than to one that has just had its own, however much that wants', async () => {
    const all = new LookupTurns();
    const keys = { a: all.forKey(), b: all.forKey(), c: all.forKey() };
    const began: string[] = [];
    const wait = (key: keyof typeof keys) => keys[key].take({}, signal).then(() => void began.push(key));
    const [ofA, ofB] = [{}, {}];
    keys.a.tryTake(ofA);
    keys.b.tryTake(ofB);
    const waits = [wait('a'), wait('a'), wait('b'), wait('c')];
    keys.a.giveBack(ofA);
    await waits[3];
    expect(began).toEqual(['c']);
    keys.b.giveBack(ofB);
    await waits[0];
    expect(began).toEqual(['c', 'a']);
  });
});

describe('the time of a look-up', () => {
  it('begins with its turn, and the wait for that has an end of its own', async () => {
    const slept: number[] = [];
    const clock = {
      now: () => 0,
      monotonic: () => 0,
      sleep: (ms: number) => {
        slept.push(ms);
        return new Promise<void>(() => undefined);
      },
    };
    const turns = new LookupTurns();
    const [one, other] = [{}, {}];
    turns.tryTake(one);
    turns.tryTake(other);
    const resolver = new Resolver({ lookup: () => Promise.resolve(['127.0.0.9']), turns, timeoutMs: 77, clock });
    const resolved = resolver.resolve('a.test', signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect([slept.length, slept.includes(77)]).toEqual([1, false]);
    turns.giveBack(one);
    expect(await resolved).toHaveLength(1);
    expect(slept).toContain(77);
  });
});
