import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kit/clock.js';
import { newOpenedFolder, removeOpened, sweepOpened } from '../../../../src/workspace/sealed/opened-folders.js';

const lives = () => Promise.resolve(true);
const later = { now: () => systemClock.now() + 60_000 };

describe('removing what was opened in clear', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pdk-opened-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const opened = async () => {
    const path = await newOpenedFolder(folder);
    writeFileSync(join(path, 'file'), 'clear');
    return path;
  };
  const failing = () => Promise.reject(new Error('busy'));

  it('is tried again by each prune where it failed, though its process lives', async () => {
    const path = await opened();
    await expect(removeOpened(path, failing)).rejects.toThrow('busy');
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await sweepOpened(folder, true, lives, later)).toEqual([`${path}.gone`]);
    expect(existsSync(join(`${path}.gone`, 'file'))).toBe(true);
    expect(await sweepOpened(folder, false, lives, later)).toEqual([`${path}.gone`]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is left to its process while that may be at it, and while it is open', async () => {
    const path = await opened();
    expect(await sweepOpened(folder, false, lives, later)).toEqual([]);
    await expect(removeOpened(path, failing)).rejects.toThrow('busy');
    expect(await sweepOpened(folder, false, lives)).toEqual([]);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('takes at once what lost its name in a process that is gone', async () => {
    const path = await opened();
    await expect(removeOpened(path, failing)).rejects.toThrow('busy');
    expect(await sweepOpened(folder, false, () => Promise.resolve(false))).toEqual([`${path}.gone`]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is done by several at once, of whom none fails for what another took away', async () => {
    const path = await opened();
    for (let each = 0; each < 60; each += 1) {
      mkdirSync(join(path, `${each}`, 'below'), { recursive: true });
      for (const name of ['a', 'b', 'c']) writeFileSync(join(path, `${each}`, 'below', name), 'clear');
    }
    await expect(removeOpened(path, failing)).rejects.toThrow('busy');
    const sweeps = Array.from({ length: 4 }, () => sweepOpened(folder, false, () => Promise.resolve(false)));
    for (const swept of await Promise.all(sweeps)) expect(swept).toEqual([`${path}.gone`]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('gives the others their turn before it says what could not be removed', async () => {
    await opened();
    await opened();
    const [first = ''] = readdirSync(folder);
    // A folder that is none.
    rmSync(join(folder, first), { recursive: true });
    writeFileSync(join(folder, first), '');
    await expect(sweepOpened(folder, false, () => Promise.resolve(false))).rejects.toThrow();
    expect(readdirSync(folder)).toEqual([`${first}.gone`]);
  });
});
