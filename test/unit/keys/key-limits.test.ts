import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toPaddockError } from '../../../src/core/errors.js';
import { KeyLimits, OverallLimits } from '../../../src/keys/key-limits.js';

const quota = { callsPerMinute: 3, createsPerHour: 2, sessions: 2 };
const much = { callsPerMinute: 1000, createsPerHour: 1000 };
const minuteMs = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the holder of a key', () => {
  it('may call so often a minute, is told when it may again, and then may', async () => {
    const limits = new KeyLimits(quota, new OverallLimits(much));
    for (let i = 0; i < 3; i += 1) (await limits.call())();
    vi.advanceTimersByTime(20_000);
    await expect(limits.call()).rejects.toMatchObject({ code: 'RATE_LIMITED', info: { retryAfterMs: 40_000 } });
    vi.advanceTimersByTime(40_000);
    (await limits.call())();
  });

  it('is not counted with those that nobody knows, who hear after how long there may be another', async () => {
    const overall = new OverallLimits(much);
    const ada = new KeyLimits(quota, overall);
    for (let i = 0; i < 240; i += 1) expect(await overall.stranger()).toBeUndefined();
    vi.advanceTimersByTime(20_000);
    expect(await overall.stranger()).toBe(40_000);
    expect(await ada.request()).toBeUndefined();
    expect(await overall.wouldForget()).toBe(false);
    vi.advanceTimersByTime(40_000);
    expect(await overall.stranger()).toBeUndefined();
  });

  it('takes nothing of what all share once it is beyond its own', async () => {
    const overall = new OverallLimits({ ...much, callsPerMinute: 5 });
    const [ada, bob] = [new KeyLimits(quota, overall), new KeyLimits(quota, overall)];
    for (let i = 0; i < 50; i += 1) await ada.call().catch(() => undefined);
    for (let i = 0; i < 2; i += 1) (await bob.call())();
    await expect(bob.call()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('counts for as long as something would be forgotten with it: a day where there is a quota of one', async () => {
    const overall = new OverallLimits(much);
    const [plain, daily] = [new KeyLimits(quota, overall), new KeyLimits({ ...quota, cpuMsPerDay: 100 }, overall)];
    const counting = async () => {
      const counting = await Promise.all([plain, daily].map((one) => one.isCounting()));
      // Nothing of it is kept elsewhere.
      expect(await Promise.all([plain, daily].map((one) => one.wouldForget()))).toEqual(counting);
      return [...counting, await overall.wouldForget()];
    };
    expect(await counting()).toEqual([false, false, false]);
    (await plain.create(0))();
    plain.use({ cpuMs: 1, egressBytes: 1 });
    daily.use({ cpuMs: 1, egressBytes: 1 });
    vi.advanceTimersByTime(60 * minuteMs - 1);
    expect(await counting()).toEqual([true, true, true]);
    vi.advanceTimersByTime(1);
    expect(await counting()).toEqual([false, true, false]);
    vi.advanceTimersByTime(23 * 60 * minuteMs);
    expect(await counting()).toEqual([false, false, false]);
    await plain.request();
    expect(await counting()).toEqual([true, false, false]);
  });

  it('has so many calls at work at once, those that were refused not among them', async () => {
    const limits = new KeyLimits({ ...quota, callsPerMinute: 33 }, new OverallLimits(much));
    const leave = await Promise.all(Array.from({ length: 32 }, () => limits.call()));
    await expect(limits.call()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    leave[0]?.();
    (await limits.call())();
    await expect(limits.call()).rejects.toMatchObject({ code: 'RATE_LIMITED', info: { retryAfterMs: minuteMs } });
    for (const one of leave.slice(1)) one();
    vi.advanceTimersByTime(minuteMs);
    await Promise.all(Array.from({ length: 32 }, () => limits.call()));
  });

  it('has so many sessions, those that are being made among them', async () => {
    const limits = new KeyLimits(quota, new OverallLimits(much));
    const first = await limits.create(1);
    await expect(limits.create(1)).rejects.toMatchObject({ code: 'LIMIT_REACHED', info: { ruleId: 'key.sessions' } });
    first();
    await expect(limits.create(2)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    (await limits.create(0))();
  });

  it('is told when the first of its sessions has to end, where it has as many as it may', async () => {
    const limits = new KeyLimits(quota, new OverallLimits(much));
    await expect(limits.create(2, 90_000.5)).rejects.toMatchObject({ info: { retryAfterMs: 90_001 } });
    await expect(limits.create(2, -1)).rejects.toMatchObject({ info: { retryAfterMs: 1 } });
    await Promise.all([limits.create(0), limits.create(0)]);
    // All of them are being made: nobody knows.
    await expect(limits.create(0)).rejects.toMatchObject({ info: { ruleId: 'key.sessions' } });
    expect(toPaddockError(await limits.create(0).catch((error: unknown) => error)).info).not.toHaveProperty(
      'retryAfterMs',
    );
  });

  it('makes so many sessions an hour, however short they are', async () => {
    const limits = new KeyLimits(quota, new OverallLimits(much));
    for (let i = 0; i < 2; i += 1) (await limits.create(0))();
    await expect(limits.create(0)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    vi.advanceTimersByTime(60 * minuteMs);
    (await limits.create(0))();
  });

  it('lets them grow as often as it makes them, since both tell whether there is room', async () => {
    const overall = new OverallLimits({ ...much, createsPerHour: 3 });
    const [ada, bob] = [new KeyLimits(quota, overall), new KeyLimits(quota, overall)];
    await ada.grow();
    (await ada.create(0))();
    await expect(ada.grow()).rejects.toMatchObject({ code: 'RATE_LIMITED', info: { retryAfterMs: 60 * minuteMs } });
    await expect(ada.create(0)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await bob.grow();
    await expect(bob.grow()).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: expect.stringContaining('server'),
    });
  });

  it('starts nothing more once a day’s processor time or traffic is used up, until the day is over', () => {
    for (const [name, use] of [
      ['cpuMsPerDay', { cpuMs: 600, egressBytes: 0 }],
      ['egressBytesPerDay', { cpuMs: 0, egressBytes: 600 }],
    ] as const) {
      const limits = new KeyLimits({ ...quota, [name]: 1000 }, new OverallLimits(much));
      limits.use(use);
      limits.refuseWork();
      vi.advanceTimersByTime(minuteMs);
      limits.use(use);
      const retryAfterMs = (24 * 60 - 1) * minuteMs;
      expect(limits.refusal).toMatchObject({ code: 'QUOTA_EXCEEDED', info: { retryAfterMs } });
      expect(() => limits.refuseWork()).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED' }) as Error);
      vi.advanceTimersByTime(retryAfterMs);
      limits.refuseWork();
    }
  });

  it('starts nothing more once all keys together have used up a day of the server, whatever it has used itself', () => {
    for (const [name, use, what] of [
      ['cpuMsPerDay', { cpuMs: 600, egressBytes: 0 }, 'processor time'],
      ['egressBytesPerDay', { cpuMs: 0, egressBytes: 600 }, 'bytes to and from outside'],
    ] as const) {
      const overall = new OverallLimits({ ...much, [name]: 1000 });
      const [ada, bob] = [new KeyLimits(quota, overall), new KeyLimits({ ...quota, [name]: 5000 }, overall)];
      ada.use(use);
      for (const one of [ada, bob]) one.refuseWork();
      bob.use(use);
      for (const one of [ada, bob]) {
        expect(one.refusal).toMatchObject({
          code: 'QUOTA_EXCEEDED',
          message: `the ${what} of all keys for a day are used up`,
          info: { retryAfterMs: 24 * 60 * minuteMs },
        });
      }
      vi.advanceTimersByTime(24 * 60 * minuteMs);
      for (const one of [ada, bob]) one.refuseWork();
    }
  });

  it('can use up the day of all where it has no limit of its own that is lower, which is told', () => {
    const overall = new OverallLimits({ ...much, cpuMsPerDay: 1000, egressBytesPerDay: 1000 });
    expect(overall.allFor({})).toEqual(['--cpu-time', '--egress-bytes']);
    expect(overall.allFor({ cpuMsPerDay: 999, egressBytesPerDay: 1000 })).toEqual(['--egress-bytes']);
    expect(overall.allFor({ cpuMsPerDay: 500, egressBytesPerDay: 500 })).toEqual([]);
    expect(new OverallLimits(much).allFor({})).toEqual([]);
  });

  it('has no limit of what it was given none for', () => {
    const limits = new KeyLimits(quota, new OverallLimits(much));
    limits.use({ cpuMs: Number.MAX_SAFE_INTEGER, egressBytes: Number.MAX_SAFE_INTEGER });
    limits.refuseWork();
  });

  it('sends no more requests than calls could need', async () => {
    const limits = new KeyLimits(quota, new OverallLimits(much));
    for (let i = 0; i < 12; i += 1) expect(await limits.request()).toBeUndefined();
    expect(await limits.request()).toBe(minuteMs);
  });
});
