import { mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { recordSchema } from '../../../src/session/record.js';
import { RecordReader } from '../../../src/session/record-reader.js';
import { record } from './support/records.js';

describe('a record that is read several times', () => {
  let folder = '';
  let path = '';
  const reader = new RecordReader();
  const parsed = vi.spyOn(recordSchema, 'safeParse');
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-reader-'));
    path = join(folder, 'record.json');
    parsed.mockClear();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is parsed once for each time that it was written, and frozen', async () => {
    const one = record();
    await writeFile(path, JSON.stringify(one));
    const first = await reader.read(path);
    expect(first).toEqual(one);
    for (let looks = 0; looks < 5; looks += 1) expect(await reader.read(path)).toBe(first);
    expect(parsed).toHaveBeenCalledTimes(1);
    expect(Object.isFrozen(first?.spec.limits)).toBe(true);
    const other = record({ state: 'ending' });
    await writeFile(`${path}.tmp`, JSON.stringify(other));
    await rename(`${path}.tmp`, path);
    expect(await reader.read(path)).toEqual(other);
    expect(parsed).toHaveBeenCalledTimes(2);
  });

  it('is seen to be another though length and times are as before', async () => {
    const one = record();
    await writeFile(path, JSON.stringify(one));
    const { atime, mtime } = await stat(path);
    await reader.read(path);
    // Later than a tick of the clock that the kernel stamps files by.
    await new Promise((resolve) => setTimeout(resolve, 30));
    const other = { ...one, id: record().id };
    await writeFile(path, JSON.stringify(other));
    await utimes(path, atime, mtime);
    expect(await reader.read(path)).toEqual(other);
  });

  it('is gone when its file is, or when there is none of ours in its place', async () => {
    await writeFile(path, JSON.stringify(record()));
    expect(await reader.read(path)).toBeDefined();
    await rename(path, `${path}.moved`);
    expect(await reader.read(path)).toBeUndefined();
    await symlink(`${path}.moved`, path);
    expect(await reader.read(path)).toBeUndefined();
  });

  it('that can not be read as one is not parsed again either', async () => {
    await writeFile(path, '{"version":1}');
    expect([await reader.read(path), await reader.read(path)]).toEqual([undefined, undefined]);
    expect(parsed).toHaveBeenCalledTimes(1);
  });

  it('is forgotten with the others that are there no more', async () => {
    await writeFile(path, JSON.stringify(record()));
    await reader.read(path);
    reader.keepOnly([]);
    await reader.read(path);
    expect(parsed).toHaveBeenCalledTimes(2);
  });
});
