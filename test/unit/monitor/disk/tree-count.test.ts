import { closeSync, constants, lstatSync, opendirSync, openSync, readdirSync, realpathSync, renameSync } from 'node:fs';
import { chmod, link, mkdir, mkdtemp, open, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../../../src/kit/clock.js';
import { readLinkOrNothing } from '../../../../src/kit/proc/read.js';
import { LinksSeen } from '../../../../src/monitor/disk/links-seen.js';
import { Pace } from '../../../../src/monitor/disk/pace.js';
import { countTree, type TreeCountOptions } from '../../../../src/monitor/disk/tree-count.js';

const mib = 1024 ** 2;
const uid = process.getuid?.() ?? 0;
/** On which every look at the time is one at a slice's end. */
const restless: Clock = {
  ...systemClock,
  monotonic: (() => {
    let now = 0;
    return () => (now += 10);
  })(),
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-count-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function count(path = folder, options: Partial<TreeCountOptions> = {}) {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    return await countTree(fd, { links: new LinksSeen(), pace: new Pace(systemClock), uid, ...options });
  } finally {
    closeSync(fd);
  }
}

/** Paths of what this process holds open. */
function openFolders(): readonly string[] {
  return readdirSync('/proc/self/fd').map((fd) => readLinkOrNothing(`/proc/self/fd/${fd}`) ?? '');
}

function namesAsTheyStand(path: string): readonly string[] {
  const entries = opendirSync(path);
  const names: string[] = [];
  for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) names.push(entry.name);
  entries.closeSync();
  return names;
}

const allocated = async (path: string) => (await stat(path)).blocks * 512;

async function grownBy(change: () => Promise<unknown>) {
  const before = await count();
  await change();
  const after = await count();
  return { bytes: after.bytes - before.bytes, inodes: after.inodes - before.inodes };
}

describe('counting a tree', () => {
  it('takes what is allocated, of the folders too, and every name once', async () => {
    await mkdir(join(folder, 'a/b'), { recursive: true });
    await writeFile(join(folder, 'a/b/file'), Buffer.alloc(mib, 1));
    const parts = ['', 'a', 'a/b', 'a/b/file'].map((name) => allocated(join(folder, name)));
    const bytes = (await Promise.all(parts)).reduce((sum, one) => sum + one, 0);
    expect(bytes).toBeGreaterThanOrEqual(mib);
    expect(await count()).toEqual({ bytes, inodes: 4, uncounted: 0 });
  });

  it('takes a hole for nothing until it is filled', async () => {
    const path = join(folder, 'sparse');
    expect((await grownBy(() => writeFile(path, ''))).inodes).toBe(1);
    expect((await grownBy(() => truncate(path, 1024 * mib))).bytes).toBe(0);
    const fill = async () => {
      await using file = await open(path, 'r+');
      await file.write(Buffer.alloc(mib, 1), 0, mib, 512 * mib);
    };
    const { bytes } = await grownBy(fill);
    expect(bytes).toBeGreaterThanOrEqual(mib);
    expect(bytes).toBeLessThan(2 * mib);
  });

  it('takes a file with several names once', async () => {
    await mkdir(join(folder, 'other'));
    const write = async () => {
      await writeFile(join(folder, 'one'), Buffer.alloc(mib, 1));
      await link(join(folder, 'one'), join(folder, 'two'));
      await link(join(folder, 'one'), join(folder, 'other/three'));
    };
    expect(await grownBy(write)).toEqual({ bytes: await allocated(join(folder, 'one')), inodes: 1 });
  });

  it('follows no link out of it', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'paddock-outside-'));
    try {
      await writeFile(join(outside, 'large'), Buffer.alloc(4 * mib, 1));
      const { bytes, inodes } = await grownBy(async () => {
        await symlink(outside, join(folder, 'folder'));
        await symlink(join(outside, 'large'), join(folder, 'file'));
        await symlink('.', join(folder, 'loop'));
      });
      expect(inodes).toBe(3);
      expect(bytes).toBeLessThan(mib);
    } finally {
      await rm(outside, { recursive: true, force: true });
    }
  });

  it('does not enter what is mounted in it', async () => {
    // The kernel's terminals are mounted there on every host.
    const { dev } = await stat('/dev');
    expect((await stat('/dev/pts')).dev).not.toBe(dev);
    const own = (path: string): number =>
      readdirSync(path, { withFileTypes: true })
        .filter(({ name }) => lstatSync(join(path, name)).dev === dev)
        .reduce((sum, entry) => sum + 1 + (entry.isDirectory() ? own(join(path, entry.name)) : 0), 0);
    expect((await count('/dev')).inodes).toBe(1 + own('/dev'));
  });

  it('takes names of any bytes', async () => {
    const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x0a, 0xfe, 0x80])]);
    await mkdir(name);
    const file = Buffer.concat([name, Buffer.from([0x2f, 0xc3, 0x28])]);
    expect(await grownBy(() => writeFile(file, Buffer.alloc(mib, 1)))).toMatchObject({ inodes: 1 });
    expect((await count()).bytes).toBeGreaterThanOrEqual(mib);
    await rm(name, { recursive: true });
  });

  it('says when something was too deep, and counts the rest', async () => {
    await mkdir(join(folder, ...Array<string>(600).fill('d')), { recursive: true });
    await writeFile(join(folder, 'file'), Buffer.alloc(mib, 1));
    const { bytes, inodes, uncounted } = await count();
    expect({ inodes, uncounted }).toEqual({ inodes: 514, uncounted: 1 });
    expect(bytes).toBeGreaterThanOrEqual(mib);
  });

  /** Does something each time when a walk lets others have their turn. */
  function between(act: () => void): Pace {
    const pace = new Pace(restless);
    const rest = pace.rest.bind(pace);
    vi.spyOn(pace, 'rest').mockImplementation(async () => {
      act();
      await rest();
    });
    return pace;
  }

  it('holds few descriptors however deep it is, and finds its way back', async () => {
    const names = Array<string>(400).fill('d');
    await mkdir(join(folder, ...names), { recursive: true });
    // Those beside the way are entered when the walk has come back up.
    for (const depth of [1, 100, 399]) {
      for (const beside of ['a', 'z'])
        await mkdir(join(folder, ...names.slice(0, depth), beside, 'sub'), { recursive: true });
    }
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    let most = 0;
    const pace = between(() => {
      most = Math.max(most, open());
    });
    expect(await count(folder, { pace })).toMatchObject({ inodes: 401 + 12, uncounted: 0 });
    expect(most - before).toBeLessThan(20);
    expect(open()).toBe(before);
  });

  it('leads out of nowhere on the way back: what was moved meanwhile is uncounted', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'paddock-outside-'));
    try {
      for (let i = 0; i < 50; i += 1) await mkdir(join(outside, String(i)));
      const names = Array<string>(100).fill('d');
      await mkdir(join(folder, ...names), { recursive: true });
      const deep = realpathSync(join(folder, ...names.slice(0, 50)));
      let isMoved = false;
      const pace = between(() => {
        if (isMoved || !openFolders().includes(join(deep, ...names.slice(0, 40)))) return;
        renameSync(join(deep, 'd'), join(outside, 'd'));
        isMoved = true;
      });
      const { inodes, uncounted } = await count(folder, { pace });
      expect(isMoved).toBe(true);
      // From the first level that was closed down to the one whose folder was taken away.
      expect({ inodes, uncounted }).toEqual({ inodes: 101, uncounted: 50 });
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it('counts no folder twice where it looks for what was there before', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await mkdir(join(folder, name));
    // In the order in which they are entered.
    const order = namesAsTheyStand(folder).toReversed();
    await writeFile(join(folder, order[0] ?? '', 'file'), Buffer.alloc(mib, 1));
    await systemClock.sleep(30);
    const unchangedSinceMs = Date.now();
    await systemClock.sleep(30);
    let visits = 1;
    // Its place is taken by the next, and it stands where the walk goes next.
    const pace = between(() => {
      const [now, next] = order.slice(visits - 1);
      if (now === undefined || next === undefined || !openFolders().includes(join(folder, now))) return;
      renameSync(join(folder, next), join(folder, 'aside'));
      renameSync(join(folder, now), join(folder, next));
      renameSync(join(folder, 'aside'), join(folder, now));
      visits += 1;
    });
    const { bytes } = await count(folder, { pace, unchangedSinceMs });
    expect(visits).toBeGreaterThan(1);
    expect(bytes).toBeLessThan(1.5 * mib);
  });

  it('says when a folder could not be looked into, unless it is of others and closed to us', async () => {
    await mkdir(join(folder, 'closed'));
    await chmod(join(folder, 'closed'), 0);
    // Root may look into everything.
    expect(await count()).toMatchObject({ inodes: 2, uncounted: uid === 0 ? 0 : 1 });
    expect(await count(folder, { uid: uid + 1 })).toMatchObject({ inodes: 2, uncounted: 0 });
  });

  it('leaves out what has changed since a time', async () => {
    await writeFile(join(folder, 'old'), Buffer.alloc(mib, 1));
    expect((await count(folder, { unchangedSinceMs: 0 })).inodes).toBe(0);
    await systemClock.sleep(30);
    const unchangedSinceMs = Date.now() - 10;
    await systemClock.sleep(30);
    await writeFile(join(folder, 'new'), Buffer.alloc(mib, 1));
    const { bytes, inodes } = await count(folder, { unchangedSinceMs });
    // The folder itself has changed as well.
    expect({ bytes, inodes }).toEqual({ bytes: await allocated(join(folder, 'old')), inodes: 1 });
  });

  it('bears a tree that changes under it, and lets everybody else have their turn', async () => {
    for (let i = 0; i < 40; i += 1) {
      await mkdir(join(folder, `d${i}/sub`), { recursive: true });
      await writeFile(join(folder, `d${i}/sub/file`), 'x');
    }
    const stop = new AbortController();
    const disturb = async () => {
      let rounds = 0;
      for (; !stop.signal.aborted; rounds += 1) {
        const at = join(folder, `d${rounds % 40}`);
        await rename(at, join(folder, 'moved'));
        await rm(join(folder, 'moved'), { recursive: true });
        await mkdir(join(at, 'sub'), { recursive: true });
        await symlink('/', join(at, 'sub', 'link'));
      }
      return rounds;
    };
    const disturbing = disturb();
    const counts: number[] = [];
    for (let i = 0; i < 20; i += 1) counts.push((await count(folder, { pace: new Pace(restless) })).inodes);
    stop.abort();
    expect(await disturbing).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBeLessThan(200);
  });

  it('leaves nothing open, also when it is broken off', async () => {
    await mkdir(join(folder, 'a/b/c'), { recursive: true });
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    await count();
    const stop = new AbortController();
    const fd = openSync(folder, constants.O_RDONLY);
    const counting = countTree(fd, { links: new LinksSeen(), pace: new Pace(restless, stop.signal), uid });
    stop.abort(new Error('enough'));
    await expect(counting).rejects.toThrow('enough');
    closeSync(fd);
    expect(open()).toBe(before);
  });

  it('rests between empty folders, too', async () => {
    for (let i = 0; i < 50; i += 1) await mkdir(join(folder, String(i)));
    const pace = new Pace(restless);
    const rest = vi.spyOn(pace, 'rest');
    await count(folder, { pace });
    // At each entry of the folder, and on the way into each folder and out of it.
    expect(rest).toHaveBeenCalledTimes(50 + 50 + 51);
  });
});
