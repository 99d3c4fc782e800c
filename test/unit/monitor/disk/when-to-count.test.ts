import { describe, expect, it } from 'vitest';
import {
  isCountDue,
  isCountWorthwhile,
  isInDoubt,
  type LastCount,
  type Present,
  restLeftMs,
} from '../../../../src/monitor/disk/when-to-count.js';

const mib = 1024 ** 2;
const limits = { bytes: 64 * mib, inodes: 6400 };

function last(bytes = 0, changes: Partial<LastCount> = {}): LastCount {
  const usage = { bytes, inodes: 0, limits, countedAtMs: 0 };
  return {
    usage,
    free: { bytes: 1000 * mib, inodes: 10_000 },
    written: 0,
    isSure: false,
    tookMs: 100,
    endedAt: 0,
    ...changes,
  };
}

function present(now: number, fellBytes = 0, writtenBytes: number | 'untold' = 0, fellInodes = 0): Present {
  return {
    now,
    free: { bytes: 1000 * mib - fellBytes, inodes: 10_000 - fellInodes },
    written: () => (writtenBytes === 'untold' ? undefined : writtenBytes),
  };
}

describe('a count is due', () => {
  it('when the file systems have lost half of what was left to the limit', () => {
    expect(isCountDue(last(), present(1000, 31 * mib))).toBe(false);
    expect(isCountDue(last(), present(1000, 32 * mib))).toBe(true);
    expect(isCountDue(last(48 * mib), present(1000, 8 * mib))).toBe(true);
    expect(isCountDue(last(), present(1000, 0, 0, 3200))).toBe(true);
  });

  it('near the limit and beyond it, when they have lost a 64th of it', () => {
    expect(isCountDue(last(64 * mib), present(1000, mib - 1))).toBe(false);
    expect(isCountDue(last(64 * mib), present(1000, mib))).toBe(true);
    expect(isCountDue(last(80 * mib), present(1000, mib))).toBe(true);
  });

  it('when the processes have written that much, though others have freed more', () => {
    expect(isCountDue(last(), present(2000, -500 * mib, 31 * mib))).toBe(false);
    expect(isCountDue(last(), present(2000, -500 * mib, 32 * mib))).toBe(true);
    expect(isCountDue(last(0, { written: 10 * mib }), present(2000, 0, 32 * mib))).toBe(false);
  });

  it('when nobody tells what they have written', () => {
    expect(isCountDue(last(), present(2000, 0, 'untold'))).toBe(true);
    expect(isCountDue(last(0, { written: undefined }), present(2000))).toBe(true);
  });

  it('half a minute after the last where anything has changed, and after ten where nothing has', () => {
    expect(isCountDue(last(), present(29_999, 1))).toBe(false);
    expect(isCountDue(last(), present(30_000, 1))).toBe(true);
    expect(isCountDue(last(), present(30_000, 0, 1))).toBe(true);
    expect(isCountDue(last(), present(30_000, 0, 0, 1))).toBe(true);
    expect(isCountDue(last(), present(599_999))).toBe(false);
    expect(isCountDue(last(), present(600_000))).toBe(true);
  });

  it('never sooner than the last one allows, which took long', () => {
    const long = last(0, { tookMs: 10_000 });
    expect(isCountDue(long, present(9999, 64 * mib))).toBe(false);
    expect(isCountDue(long, present(10_000, 64 * mib))).toBe(true);
    expect(isCountDue(long, present(99_999, 0, 64 * mib))).toBe(false);
    expect(isCountDue(long, present(100_000, 0, 64 * mib))).toBe(true);
    expect(isCountDue(long, present(499_999, 1))).toBe(false);
    expect(isCountDue(long, present(500_000, 1))).toBe(true);
    expect(restLeftMs(long, 4000)).toBe(6000);
    expect(restLeftMs(long, 10_000)).toBe(0);
  });

  it('without a look at the processes where the file systems tell enough', () => {
    const untold: Present = {
      ...present(1000, 40 * mib),
      written: () => {
        throw new Error('asked for');
      },
    };
    expect(isCountDue(last(), untold)).toBe(true);
    expect(isCountDue(last(), { ...untold, free: last().free })).toBe(false);
  });
});

describe('the limit may have been passed', () => {
  const free = (fellBytes: number, fellInodes = 0) => present(0, fellBytes, 0, fellInodes).free;
  const sure = (bytes: number) => last(bytes, { isSure: true, tookMs: 10_000 });

  it('when the file systems have lost all that was left to it at the last sure count, however soon after', () => {
    expect(isInDoubt(sure(0), undefined, free(64 * mib - 1))).toBe(false);
    expect(isInDoubt(sure(0), undefined, free(64 * mib))).toBe(true);
    expect(isInDoubt(sure(48 * mib), undefined, free(16 * mib))).toBe(true);
    expect(isInDoubt(sure(0), undefined, free(0, 6400))).toBe(true);
    expect(isInDoubt(sure(63.5 * mib), undefined, free(mib - 1))).toBe(false);
    expect(isInDoubt(sure(63.5 * mib), undefined, free(mib))).toBe(true);
  });

  it('whatever a count has found since that something may have been hidden from', () => {
    expect(isInDoubt(sure(0), last(mib), free(64 * mib))).toBe(true);
  });

  it('when a count that is not sure found it reached', () => {
    expect(isInDoubt(sure(0), last(64 * mib), free(0))).toBe(true);
    expect(isInDoubt(sure(0), last(64 * mib - 1), free(0))).toBe(false);
    expect(isInDoubt(sure(64 * mib), sure(64 * mib), free(0))).toBe(false);
  });
});

it('a count is worth it after a command when it has written something to speak of, or the last is old', () => {
  expect(isCountWorthwhile(last(), present(1000, 1024, 1024, 1))).toBe(false);
  expect(isCountWorthwhile(last(), present(1000, mib))).toBe(true);
  expect(isCountWorthwhile(last(), present(1000, -mib, mib))).toBe(true);
  expect(isCountWorthwhile(last(), present(1000, 0, 'untold'))).toBe(true);
  expect(isCountWorthwhile(last(), present(1000, 0, 0, 64))).toBe(true);
  expect(isCountWorthwhile(last(), present(600_000))).toBe(true);
});
