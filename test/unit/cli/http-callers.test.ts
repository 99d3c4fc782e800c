import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/cli/app.js';
import type { Rights } from '../../../src/cli/http-caller.js';
import { HttpCallers } from '../../../src/cli/http-callers.js';
import { type KeyQuota, usualQuota } from '../../../src/core/api-key.js';
import { DayFiles } from '../../../src/keys/day-file.js';
import { KeyLimits, OverallLimits } from '../../../src/keys/key-limits.js';
import { deferred } from '../../../src/kit/deferred.js';
import type { Monitoring } from '../../../src/monitor/monitoring.js';
import { KeyMeter } from '../../../src/session/key-meter.js';

const ceiling = { roots: [], readWriteAllowed: false, profile: undefined, allow: [], providers: [], ceilings: {} };
const rights = (id: string, quota: KeyQuota = usualQuota): Rights => ({
  id,
  name: id,
  tools: ['read'],
  ceiling,
  quota,
});

/** Callers whose apps tell what becomes of them; one ends when `end` is resolved. */
function stage(days?: DayFiles, { cpuMsPerDay }: Pick<KeyQuota, 'cpuMsPerDay'> = {}) {
  const told: string[] = [];
  const warned: string[] = [];
  const end = deferred<undefined>();
  let made = 0;
  const forKey = (id: string) => {
    made += 1;
    const name = `${id} ${made}`;
    return {
      audit: () => Promise.resolve({ name }),
      closeOpenings: () => void told.push(`closes ${name}`),
      async [Symbol.asyncDispose]() {
        told.push(`ends ${name}`);
        await end.promise;
        if (id === 'bad') throw new Error('no end of bad');
        told.push(`ended ${name}`);
      },
    };
  };
  const callers = new HttpCallers({
    ...{
      app: { forKey } as unknown as App,
      monitoring: {} as unknown as Monitoring,
      env: {},
      log: pino({ level: 'warn' }, { write: (line: string) => void warned.push(line) }),
    },
    ...{
      overall: new OverallLimits({ callsPerMinute: 600, createsPerHour: 60, cpuMsPerDay }, days),
      prepare: () => Promise.resolve(),
    },
  });
  return { callers, told, warned, end };
}

const nameOf = async (callers: HttpCallers, id: string) => (await callers.auditOf(id)) as unknown as { name: string };

describe('parting with those whose keys are good no more', () => {
  it('takes the connections from them before it waits for the end of their sessions', async () => {
    const { callers, told, end } = stage();
    for (const id of ['a', 'b', 'c']) await callers.welcome(rights(id));
    const swept = callers.sweep(
      (id) => Promise.resolve(id === 'b'),
      (gone) => {
        told.push(`hears of ${[...gone].join()}`);
        // Nobody can be served in their name any more, whatever a connection still asks.
        expect(() => callers.serverFor('a')).toThrow('nobody of that name');
        return Promise.resolve();
      },
    );
    await expect.poll(() => told).toEqual(['hears of a,c', 'ends a 1', 'ends c 3']);
    end.resolve(undefined);
    await swept;
    await expect.poll(() => told).toEqual(['hears of a,c', 'ends a 1', 'ends c 3', 'ended a 1', 'ended c 3']);
    expect(await nameOf(callers, 'b')).toEqual({ name: 'b 2' });
  });

  it('waits for no end: the next one is heard of, and its sessions begin to end, while those of the first hang; a server that ends waits', async () => {
    const { callers, told, end } = stage();
    for (const id of ['a', 'b']) await callers.welcome(rights(id));
    const good = new Set(['b']);
    const sweep = () =>
      callers.sweep(
        (id) => Promise.resolve(good.has(id)),
        (gone) => {
          told.push(`hears of ${[...gone].join()}`);
          return Promise.resolve();
        },
      );
    await sweep();
    good.clear();
    await callers.meter();
    await sweep();
    await sweep();
    const heard = ['hears of a', 'ends a 1', 'hears of b', 'ends b 2', 'hears of '];
    expect(told).toEqual(heard);
    const closed = callers[Symbol.asyncDispose]().then(() => told.push('closed'));
    await callers.meter();
    expect(told).toEqual(heard);
    end.resolve(undefined);
    await closed;
    expect(told).toEqual([...heard, 'ended a 1', 'ended b 2', 'closed']);
  });

  it('parts with the others where it can not be said of one whether its key is good, who stays', async () => {
    const { callers, told, end } = stage();
    end.resolve(undefined);
    for (const id of ['a', 'b', 'c']) await callers.welcome(rights(id));
    const isGood = (id: string) =>
      id === 'b' ? Promise.reject(new Error('no descriptor left')) : Promise.resolve(false);
    await expect(callers.sweep(isGood, () => Promise.resolve())).rejects.toThrow('nobody could say');
    await expect.poll(() => told).toEqual(['ends a 1', 'ends c 3', 'ended a 1', 'ended c 3']);
    expect(await nameOf(callers, 'b')).toEqual({ name: 'b 2' });
  });

  it('closes what is opened in clear of each, before anything ends', async () => {
    const { callers, told } = stage();
    for (const id of ['a', 'b']) await callers.welcome(rights(id));
    callers.closeOpenings();
    expect(told).toEqual(['closes a 1', 'closes b 2']);
  });

  it('closes it also of those whose key is good no more, and whose sessions are still ending', async () => {
    const { callers, told, end } = stage();
    for (const id of ['a', 'b']) await callers.welcome(rights(id));
    await callers.sweep(
      (id) => Promise.resolve(id === 'b'),
      () => Promise.resolve(),
    );
    callers.closeOpenings();
    expect(told).toEqual(['ends a 1', 'closes b 2', 'closes a 1']);
    end.resolve(undefined);
    await callers[Symbol.asyncDispose]();
  });

  it('ends those of each, though the end of another fails', async () => {
    const { callers, told, end } = stage();
    for (const id of ['bad', 'c']) await callers.welcome(rights(id));
    end.resolve(undefined);
    const swept = callers.sweep(
      () => Promise.resolve(false),
      () => Promise.resolve(),
    );
    await swept;
    await callers[Symbol.asyncDispose]();
    expect(told).toContain('ended c 2');
  });

  it('makes them somebody new when they come again meanwhile, whom the end of the old does not touch', async () => {
    const { callers, told, end } = stage();
    await callers.welcome(rights('a'));
    const swept = callers.sweep(
      () => Promise.resolve(false),
      () => Promise.resolve(),
    );
    await expect.poll(() => told).toEqual(['ends a 1']);
    expect(await callers.welcome(rights('a'))).toBe('a');
    end.resolve(undefined);
    await swept;
    expect(await nameOf(callers, 'a')).toEqual({ name: 'a 2' });
    await expect.poll(() => told).toEqual(['ends a 1', 'ended a 1']);
    await callers[Symbol.asyncDispose]();
    expect(told.slice(2)).toEqual(['ends a 2', 'ended a 2']);
  });
});

describe('what callers have used up', () => {
  const sweepAll = (callers: HttpCallers) =>
    callers.sweep(
      () => Promise.resolve(false),
      () => Promise.resolve(),
    );
  /** Makes as many requests as there may be; how many there were. */
  async function requests(callers: HttpCallers): Promise<number> {
    for (let count = 0; ; count += 1) if ((await callers.rate('a')) !== undefined) return count;
  }
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pdk-days-'));
    vi.useFakeTimers();
  });
  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  it('is still used up when they come again as soon as they are gone', async () => {
    const { callers, end } = stage();
    end.resolve(undefined);
    const few = rights('a', { ...usualQuota, callsPerMinute: 2 });
    await callers.welcome(few);
    expect(await requests(callers)).toBe(8);
    for (let i = 0; i < 2; i += 1) {
      await sweepAll(callers);
      await callers.meter();
      await callers.welcome(few);
      expect(await requests(callers)).toBe(0);
    }
    await sweepAll(callers);
    expect(await callers.isInUse()).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(await callers.isInUse()).toBe(false);
    await callers.welcome(few);
    expect(await requests(callers)).toBe(8);
  });

  it('keeps no server that nobody uses where it is kept for the next one', async () => {
    const { callers, end } = stage(new DayFiles(folder));
    end.resolve(undefined);
    await callers.welcome(rights('a', { ...usualQuota, egressBytesPerDay: 1000 }));
    const used = vi.spyOn(KeyMeter.prototype, 'read').mockReturnValueOnce({ cpuMs: 0, egressBytes: 600 });
    await callers.meter();
    expect(used).toHaveBeenCalled();
    expect(await callers.isInUse()).toBe(false);
  });

  it('has what was used last by the sessions of those who are gone when the server ends', async () => {
    const days = new DayFiles(folder);
    const { callers, end } = stage(days);
    const quota = { ...usualQuota, egressBytesPerDay: 1000 };
    await callers.welcome(rights('a', quota));
    await sweepAll(callers);
    vi.spyOn(KeyMeter.prototype, 'read').mockReturnValue({ cpuMs: 0, egressBytes: 1000 });
    end.resolve(undefined);
    await callers[Symbol.asyncDispose]();
    const next = new KeyLimits(quota, new OverallLimits({ callsPerMinute: 1, createsPerHour: 1 }), days.of('a'));
    expect(next.refusal).toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  it('may be the day of all: of who has no limit of their own the operator is told once', async () => {
    const { callers, warned, end } = stage(undefined, { cpuMsPerDay: 1000 });
    end.resolve(undefined);
    await callers.welcome(rights('low', { ...usualQuota, cpuMsPerDay: 500 }));
    for (let i = 0; i < 2; i += 1) await callers.welcome(rights('a'));
    expect(warned.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ key: 'a', flags: ['--cpu-time'] }),
    ]);
  });
});
