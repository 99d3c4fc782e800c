import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccountantParts, DiskAccountant } from '../../../../src/monitor/disk/accountant.js';
import { HeldClock } from '../../tools/support/stage.js';

const mib = 1024 ** 2;
const limits = { bytes: 64 * mib, inodes: 1000 };
const longAgo = Number.POSITIVE_INFINITY;

let folder: string;
let fd: number;
let clock: HeldClock;
let looks: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-account-'));
  fd = openSync(folder, constants.O_RDONLY);
  clock = new HeldClock();
  looks = 0;
});
afterEach(async () => {
  closeSync(fd);
  await rm(folder, { recursive: true, force: true });
});

/** Its sandbox is this process. */
function accountant(changes: Partial<AccountantParts> = {}) {
  const processes = () => {
    looks += 1;
    return [process.pid];
  };
  return new DiskAccountant({
    folders: [{ fd, dev: fstatSync(fd).dev }],
    limits: () => limits,
    processes,
    clock,
    uid: process.getuid?.() ?? 0,
    ...changes,
  });
}

const fill = (name: string, bytes: number) => writeFile(join(folder, name), Buffer.alloc(bytes, 1));

describe('the accountant', () => {
  it('has a count due where another process began, and none right after its own beginning', async () => {
    const account = accountant();
    const base = await account.takeBase(longAgo);
    expect(account.usage).toMatchObject({ bytes: 0, inodes: 0 });
    const next = accountant({ base });
    expect([await next.isDue(), await next.isWorthwhile(), next.restLeftMs]).toEqual([true, true, 0]);
    await next.count();
    // Others use the file system as well: only what the sandbox wrote is told for sure.
    await using file = await open(join(folder, 'file'), 'w');
    await file.write(Buffer.alloc(mib, 1));
    expect(await next.isWorthwhile()).toBe(true);
  });

  it('holds what it has counted against the limits of now', async () => {
    let bytes = 64 * mib;
    const account = accountant({ limits: () => ({ bytes, inodes: 10 }) });
    await account.takeBase(longAgo);
    bytes = mib;
    expect(account.usage?.limits).toEqual({ bytes: mib, inodes: 10 });
  });

  it('counts what has been added since the beginning, and what was removed of it no more', async () => {
    await fill('before', 2 * mib);
    const account = accountant();
    await account.takeBase(longAgo);
    expect(await account.count()).toMatchObject({ bytes: 0, inodes: 0, limits });
    await fill('added', mib);
    const usage = await account.count();
    expect(usage.inodes).toBe(1);
    expect(usage.bytes).toBeGreaterThanOrEqual(mib);
    expect(account.usage).toEqual(usage);
    await rm(join(folder, 'added'));
    await rm(join(folder, 'before'));
    expect(await account.count()).toMatchObject({ bytes: 0, inodes: 0 });
  });

  it('goes on from a beginning that another process noted', async () => {
    const first = accountant();
    const base = await first.takeBase(longAgo);
    await fill('added', mib);
    const second = accountant({ base });
    expect((await second.count()).bytes).toBeGreaterThanOrEqual(mib);
    expect(second.base).toEqual(base);
  });

  it('counts a file that was removed while it is open', async () => {
    const account = accountant();
    await account.takeBase(longAgo);
    await using file = await open(join(folder, 'file'), 'w');
    await file.write(Buffer.alloc(mib, 1));
    await rm(join(folder, 'file'));
    expect(await readdir(folder)).toEqual([]);
    const { bytes, inodes } = await account.count();
    expect(bytes).toBeGreaterThanOrEqual(mib);
    expect(inodes).toBe(1);
  });

  it('takes what it can not see for all that the file system has lost, whatever was written', async () => {
    const { bfree, bsize, ffree } = await statfs(folder);
    const base = { bytes: 0, inodes: 0, freeBytes: bfree * bsize + 1024 ** 5, freeInodes: ffree + 1e9 };
    await mkdir(join(folder, ...Array<string>(520).fill('d')), { recursive: true });
    const expectAll = ({ bytes, inodes }: { bytes: number; inodes: number }) => {
      // By fallocate, say, which no counter of a process shows.
      expect(bytes).toBeGreaterThan(1024 ** 5 / 2);
      expect(inodes).toBeGreaterThan(1e9 / 2);
    };
    expectAll(await accountant({ base }).count());
    expectAll(await accountant({ folders: [], unreachable: 1, base: { ...base, bytes: 0 } }).count());
    // As an older version noted it.
    expect((await accountant({ base: { ...base, freeInodes: undefined } }).count()).inodes).toBeLessThan(1000);
  });

  it('notes what the file system had left at the beginning', async () => {
    const { freeBytes, freeInodes } = await accountant().takeBase(longAgo);
    expect(freeBytes).toBeGreaterThan(0);
    expect(freeInodes).toBeGreaterThan(0);
  });

  it('counts once for all who ask while a count goes on, and once more for them', async () => {
    const account = accountant();
    await account.takeBase(longAgo);
    const first = account.count();
    await new Promise((resolve) => setImmediate(resolve));
    const [, second, third] = await Promise.all([first, account.count(), account.count()]);
    expect(looks).toBe(2);
    expect(second).toBe(third);
  });
});
