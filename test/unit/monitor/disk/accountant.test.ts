import { closeSync, constants, fstatSync, opendirSync, openSync, readdirSync, realpathSync, renameSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLinkOrNothing } from '../../../../src/kit/proc/read.js';
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
function accountant(changes: Partial<AccountantParts> = {}, signal?: AbortSignal) {
  const processes = () => {
    looks += 1;
    return [process.pid];
  };
  const folders = [{ fd, dev: fstatSync(fd).dev }];
  const uid = process.getuid?.() ?? 0;
  return new DiskAccountant({ folders, limits: () => limits, processes, clock, uid, isNew: true, ...changes }, signal);
}

function openFolders(): readonly string[] {
  return readdirSync('/proc/self/fd').map((fd) => readLinkOrNothing(`/proc/self/fd/${fd}`) ?? '');
}

const fill = (name: string, bytes: number) => writeFile(join(folder, name), Buffer.alloc(bytes, 1));

describe('the accountant', () => {
  it('has a count due where another process began, and none right after its own beginning', async () => {
    const account = accountant();
    const base = await account.takeBase(longAgo);
    expect(account.usage).toMatchObject({ bytes: 0, inodes: 0 });
    const next = accountant({ base, isNew: false });
    expect([await next.look(), await next.isWorthwhile(), next.restLeftMs]).toEqual(['due', true, 0]);
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
    const second = accountant({ base, isNew: false });
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
    expectAll(await accountant({ base, isNew: false }).count());
    expectAll(await accountant({ folders: [], unreachable: 1, base: { ...base, bytes: 0 } }).count());
    // As an older version noted it.
    expect((await accountant({ base: { ...base, freeInodes: undefined } }).count()).inodes).toBeLessThan(1000);
  });

  it('notes what the file system had left at the beginning', async () => {
    const { freeBytes, freeInodes } = await accountant().takeBase(longAgo);
    expect(freeBytes).toBeGreaterThan(0);
    expect(freeInodes).toBeGreaterThan(0);
  });

  it('does not take the word of a count that something could be hidden from', async () => {
    const { bfree, bsize, ffree } = await statfs(folder);
    const freeAtFirst = { bytes: bfree * bsize + 1024 ** 4, inodes: ffree + 1e9 };
    for (const name of ['a', 'b']) await mkdir(join(folder, name));
    const account = accountant({ freeAtFirst });
    await account.takeBase(longAgo);
    // Where the walk has not been when it begins, and where it has been when it ends.
    const entries = opendirSync(folder);
    const order = [entries.readSync()?.name ?? '', entries.readSync()?.name ?? ''] as const;
    entries.closeSync();
    await fill(join(order[0], 'file'), mib);
    clock.monotonic = () => (clock.nowMs += 10);
    const entered = realpathSync(join(folder, order[1]));
    const moving = (async () => {
      while (!openFolders().includes(entered)) await new Promise((resolve) => setImmediate(resolve));
      renameSync(join(folder, order[0], 'file'), join(folder, order[1], 'moved'));
    })();
    const { bytes } = await account.count();
    await moving;
    expect(await readdir(join(folder, order[1]))).toEqual(['moved']);
    expect(bytes).toBeLessThan(mib);
    expect(await account.look()).toBe('in-doubt');
    expect(account.verdict?.bytes).toBe(0);
    expect((await account.count({ isStill: () => true })).bytes).toBeGreaterThanOrEqual(mib);
    expect(account.verdict?.bytes).toBeGreaterThanOrEqual(mib);
    // What others take while it stands still is not its own.
    expect(await account.look()).not.toBe('in-doubt');
  });

  it('is not sure of a count with a file under way in a socket, and at last takes that for all that was lost', async () => {
    const { bfree, bsize, ffree } = await statfs(folder);
    const base = { bytes: 0, inodes: 0, freeBytes: bfree * bsize + 1024 ** 5, freeInodes: ffree };
    // A socket of another process has one in its queue.
    const procRoot = join(folder, 'proc');
    const task = join(procRoot, '100/task/100');
    for (const name of ['fd', 'fdinfo']) await mkdir(join(task, name), { recursive: true });
    await symlink('socket:[5]', join(task, 'fd/3'));
    await writeFile(join(task, 'fdinfo/3'), 'scm_fds: 1\n');
    const account = accountant({ base, isNew: false, processes: () => [100], procRoot });
    const isStill = () => true;
    expect((await account.count()).bytes).toBeLessThan(mib);
    expect([account.isUnderWay, account.verdict?.bytes]).toEqual([false, 0]);
    expect((await account.count({ isStill })).bytes).toBeLessThan(mib);
    expect(account.isUnderWay).toBe(true);
    expect(account.verdict).not.toEqual(account.usage);
    expect((await account.count({ isStill, isLast: true })).bytes).toBeGreaterThan(1024 ** 5 / 2);
    expect([account.isUnderWay, account.verdict]).toEqual([false, account.usage]);
  });

  it('is idle when a count that was broken off is over', async () => {
    for (let i = 0; i < 50; i += 1) await mkdir(join(folder, String(i)));
    const stop = new AbortController();
    const account = accountant({}, stop.signal);
    await account.idle();
    clock.monotonic = () => (clock.nowMs += 10);
    const counting = account.count();
    counting.catch(() => undefined);
    const open = () => openFolders().filter((path) => path.startsWith(realpathSync(folder))).length;
    while (open() === 1) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('enough'));
    await account.idle();
    expect(open()).toBe(1);
    await expect(counting).rejects.toThrow('enough');
  });

  it('tells what share of the limits has been lost', async () => {
    const { bfree, bsize } = await statfs(folder);
    const loss = await accountant({ limits: () => ({ bytes: bfree * bsize, inodes: 1e12 }) }).lossFromNow();
    expect(Math.abs(await loss())).toBeLessThan(0.5);
  });

  it('is in doubt at once where nobody noted what was free at the beginning', async () => {
    expect(await accountant({ isNew: false }).look()).toBe('in-doubt');
    const { freeBytes } = await accountant().takeBase(longAgo);
    const older = accountant({ isNew: false, base: { bytes: 0, inodes: 0, freeBytes } });
    expect(await older.look()).toBe('in-doubt');
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
