import { describe, expect, it } from 'vitest';
import { Settling } from '../../../../src/workspace/changes/settling.js';
import { type EntryFacts, stampOf } from '../../../../src/workspace/changes/stamp.js';

const nowMs = 1_000_000;
const changedAt = (ms: number, ino = 1n): EntryFacts => ({
  ...{ mode: 0o100644n, size: 1n, dev: 1n, ino, mtimeNs: 0n, ctimeNs: BigInt(ms) * 1_000_000n },
});

function heldClock() {
  let passedMs = 0;
  const sleep = (ms: number) => {
    passedMs += ms;
    return Promise.resolve();
  };
  return { now: () => nowMs + passedMs, monotonic: () => passedMs, sleep, passed: () => passedMs };
}

describe('the stamp of an entry', () => {
  const signal = new AbortController().signal;

  it.each([
    ['long ago', nowMs - 50],
    ['in a time that is still to come, before the clock was set back', nowMs + 50],
  ])('is taken at once of what changed %s', async (_, ms) => {
    const clock = heldClock();
    const facts = changedAt(ms);
    const look = await new Settling(clock, signal).settled(facts, nowMs, () => Promise.reject(new Error('again')));
    expect(look).toEqual({ facts, stamp: stampOf(facts) });
    expect(clock.passed()).toBe(0);
  });

  it('is taken again, once the tick is over, of what changed just before', async () => {
    const clock = heldClock();
    const later = changedAt(nowMs - 1, 2n);
    const look = await new Settling(clock, signal).settled(changedAt(nowMs - 49), nowMs, () => Promise.resolve(later));
    expect(look).toEqual({ facts: later, stamp: stampOf(later) });
    expect(
      await new Settling(clock, signal).settled(changedAt(clock.now()), clock.now(), () => Promise.resolve(undefined)),
    ).toBe(undefined);
  });

  it('is one that nothing has again of what goes on changing, and waiting for all has an end', async () => {
    const clock = heldClock();
    const settling = new Settling(clock, signal);
    const changing = () =>
      settling.settled(changedAt(clock.now()), clock.now(), () => Promise.resolve(changedAt(clock.now())));
    const stamps = [await changing(), await changing()].map((look) => look?.stamp ?? '');
    expect(new Set(stamps).size).toBe(2);
    expect(stamps[0]).toMatch(/\.[a-z2-7]{16}$/);
    expect(clock.passed()).toBe(1000);
  });

  it('of a folder is the same whatever is put into it', () => {
    const folder = { ...changedAt(1), mode: 0o40755n };
    expect(stampOf({ ...folder, size: 2n, mtimeNs: 3n, ctimeNs: 4n })).toBe(stampOf(folder));
    expect(stampOf({ ...folder, mode: 0o40700n })).not.toBe(stampOf(folder));
  });
});
