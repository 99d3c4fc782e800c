import { mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DayFiles } from '../../../src/keys/day-file.js';
import { type DayQuota, DayUse } from '../../../src/keys/day-use.js';

const hourMs = 3_600_000;
let folder: string;
let nowMs: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pdk-days-'));
  nowMs = 1_700_000_000_000;
});
afterEach(() => rm(folder, { recursive: true }));

/** As a server has it that begins now; the one before it was not told to end. */
function begun(name = 'ada', quota: DayQuota = { cpuMsPerDay: 1000, egressBytesPerDay: 500 }): DayUse {
  return new DayUse('of this key', quota, { now: () => nowMs }, new DayFiles(join(folder, 'days')).of(name));
}

describe('what a key has used of a day', () => {
  it('counts on after the server was killed, until that day is over', () => {
    begun().use({ cpuMs: 600, egressBytes: 0 });
    nowMs += hourMs;
    expect(begun().refusal).toBeUndefined();
    begun().use({ cpuMs: 400, egressBytes: 1 });
    nowMs += hourMs;
    const refusal = expect.objectContaining({ code: 'QUOTA_EXCEEDED', info: { retryAfterMs: 22 * hourMs } }) as Error;
    expect(begun().refusal).toEqual(refusal);
    expect(begun('bob').refusal).toBeUndefined();
    nowMs += 22 * hourMs;
    expect(begun().refusal).toBeUndefined();
    expect(begun().isCounting).toBe(true);
    nowMs += hourMs;
    expect(begun().isCounting).toBe(false);
  });

  it('would be forgotten with its server only where it can not be written', async () => {
    const ada = begun();
    ada.use({ cpuMs: 600, egressBytes: 0 });
    expect([ada.isCounting, ada.wouldForget]).toEqual([true, false]);
    await rm(join(folder, 'days'), { recursive: true });
    await writeFile(join(folder, 'days'), 'no folder');
    ada.use({ cpuMs: 1, egressBytes: 0 });
    expect(ada.wouldForget).toBe(true);
    await rm(join(folder, 'days'));
    ada.use({ cpuMs: 1, egressBytes: 0 });
    expect(ada.wouldForget).toBe(false);
    const nowhere = new DayUse('of this key', { cpuMsPerDay: 1000 }, { now: () => nowMs });
    expect(nowhere.wouldForget).toBe(false);
    nowhere.use({ cpuMs: 1, egressBytes: 0 });
    expect(nowhere.wouldForget).toBe(true);
  });

  it('is all of it where what is kept can not be read, and no more than a day of it by a clock that was set back', async () => {
    begun().use({ cpuMs: 1000, egressBytes: 0 });
    nowMs -= 100 * hourMs;
    const refusal = expect.objectContaining({ info: { retryAfterMs: 24 * hourMs } }) as Error;
    expect(begun().refusal).toEqual(refusal);
    await writeFile(join(folder, 'days', 'bob'), 'odd');
    expect(begun('bob').refusal).toEqual(refusal);
    await symlink('elsewhere', join(folder, 'days', 'eve'));
    expect(begun('eve').refusal).toEqual(refusal);
  });

  it('is over a day later though servers begin anew all the time, after a clock that was far ahead', () => {
    nowMs += 9000 * hourMs;
    begun().use({ cpuMs: 1000, egressBytes: 0 });
    const running = begun();
    nowMs -= 9000 * hourMs;
    for (let hours = 0; hours < 24; hours += 1) {
      expect(begun().refusal?.message).toContain('used up');
      expect(running.refusal?.message).toContain('used up');
      nowMs += hourMs;
    }
    expect(begun().refusal).toBeUndefined();
    expect(running.refusal).toBeUndefined();
  });

  it('is kept only where there is a quota of one', async () => {
    begun('ada', {}).use({ cpuMs: 1, egressBytes: 1 });
    await expect(readdir(join(folder, 'days'))).rejects.toThrow('ENOENT');
    begun('bob').use({ cpuMs: 1, egressBytes: 1 });
    expect(await readdir(join(folder, 'days'))).toEqual(['bob']);
  });

  it('is removed a day after the last use, as that of keys that are gone', async () => {
    const files = new DayFiles(join(folder, 'days'));
    files.prune(nowMs);
    for (const name of ['ada', 'bob']) begun(name).use({ cpuMs: 1, egressBytes: 1 });
    await utimes(join(folder, 'days', 'ada'), 0, (nowMs - 24 * hourMs - 1000) / 1000);
    await utimes(join(folder, 'days', 'bob'), 0, (nowMs - 24 * hourMs + 1000) / 1000);
    files.prune(nowMs);
    expect(await readdir(join(folder, 'days'))).toEqual(['bob']);
  });
});
