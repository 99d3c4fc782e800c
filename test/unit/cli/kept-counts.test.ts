import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Counts, KeptCounts } from '../../../src/cli/kept-counts.js';
import { KeyLimits, OverallLimits } from '../../../src/keys/key-limits.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import { KeyMeter } from '../../../src/session/key-meter.js';
import type { Session } from '../../../src/session/session.js';

const dayMs = 24 * 60 * 60_000;

function counts(): Counts {
  const quota = { callsPerMinute: 10, createsPerHour: 10, sessions: 1, egressBytesPerDay: 1000 };
  const limits = new KeyLimits(quota, new OverallLimits({ callsPerMinute: 100, createsPerHour: 100 }));
  return { limits, meter: new KeyMeter(() => undefined) };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('what callers who are gone had used up', () => {
  it('is theirs again, once, with what their sessions used last', async () => {
    const kept = new KeptCounts();
    const ada = counts();
    const session: unknown = { id: newSessionId(), commands: [], egress: { usage: { bytesIn: 600, bytesOut: 400 } } };
    ada.meter.note([session as Session]);
    kept.keep('ada', ada);
    await kept.settle();
    expect(kept.take('bob')).toBeUndefined();
    const again = kept.take('ada');
    expect(again).toBe(ada);
    expect(() => again?.limits.refuseWork()).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED' }) as Error);
    expect(kept.take('ada')).toBeUndefined();
  });

  it('is forgotten when nothing of it counts any more, and not before', async () => {
    const kept = new KeptCounts();
    const [ada, bob] = [counts(), counts()];
    ada.limits.use({ cpuMs: 0, egressBytes: 1 });
    kept.keep('ada', ada);
    kept.keep('bob', bob);
    vi.advanceTimersByTime(dayMs - 1);
    expect(await kept.wouldForget()).toBe(true);
    await kept.settle();
    expect(kept.take('bob')).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(await kept.wouldForget()).toBe(false);
    await kept.settle();
    expect(kept.take('ada')).toBeUndefined();
  });

  it('is that of so many callers, the last ones', () => {
    const kept = new KeptCounts(2);
    const all = ['ada', 'bob', 'cy'].map((id) => ({ id, mine: counts() }));
    for (const { id, mine } of all) kept.keep(id, mine);
    expect(all.map(({ id, mine }) => kept.take(id) === mine)).toEqual([false, true, true]);
  });
});
