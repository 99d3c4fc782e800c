import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Budget, OutOfBytes } from '../../../../src/egress/budget.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { MovedBytes } from '../../../../src/session/egress/moved-bytes.js';

const cap = 25_600;
const limits = { connections: 1, bytes: cap, bytesPerSecond: 2 ** 40 };
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-moved-'));
  path = join(folder, 'session.moved');
});
afterEach(() => rm(folder, { recursive: true }));

describe('what a session has moved under all of its holders', () => {
  it('counts for the cap under the next one, to the byte where the holder let it go', () => {
    const first = new MovedBytes(path, cap);
    const budget = new Budget(limits, systemClock, first);
    budget.spend('in', 20_000);
    budget.spend('out', 100);
    first[Symbol.dispose]();
    using second = new MovedBytes(path, cap);
    expect(second.before).toBe(20_100);
    const after = new Budget(limits, systemClock, second);
    expect([after.isSpent, after.spend('out', 5_500), after.isSpent]).toEqual([false, 0, true]);
    expect(after.usage).toMatchObject({ bytesIn: 0, bytesOut: 5500 });
    expect(() => after.spend('in', 1)).toThrow(OutOfBytes);
  });

  it('is no less than what went where the holder was killed at any moment, and at most a 256th of the cap more', () => {
    using killed = new MovedBytes(path, cap);
    const budget = new Budget(limits, systemClock, killed);
    for (let went = 0; went < 10_000; ) {
      budget.spend('in', 37);
      went += 37;
      using next = new MovedBytes(path, cap);
      expect(next.before).toBeGreaterThanOrEqual(went);
      expect(next.before).toBeLessThanOrEqual(went + 100);
    }
  });

  it('is all of it once more was asked for than was left', () => {
    const first = new MovedBytes(path, cap);
    expect(() => new Budget(limits, systemClock, first).spend('in', cap + 1)).toThrow(OutOfBytes);
    first[Symbol.dispose]();
    using second = new MovedBytes(path, cap);
    expect(new Budget(limits, systemClock, second).isSpent).toBe(true);
  });

  it('is written no more often than the cap has 256ths', async () => {
    using moved = new MovedBytes(path, cap);
    moved.note(1);
    expect(await readFile(path, 'utf8')).toBe('00000000000000000101');
    moved.note(101);
    expect(await readFile(path, 'utf8')).toBe('00000000000000000101');
    moved.note(102);
    expect(await readFile(path, 'utf8')).toBe('00000000000000000202');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each(['x', '12', '-0000000000000000001', '000000000000000000001'])(
    'is everything where %j stands for it',
    async (text) => {
      await writeFile(path, text);
      using moved = new MovedBytes(path, cap);
      expect(new Budget(limits, systemClock, moved).isSpent).toBe(true);
    },
  );

  it('is kept nowhere where no file can be, and no link is followed', async () => {
    await symlink(join(folder, 'elsewhere'), path);
    {
      using moved = new MovedBytes(path, cap);
      moved.note(500);
      expect(moved.before).toBe(0);
    }
    await expect(stat(join(folder, 'elsewhere'))).rejects.toThrow();
  });
});
