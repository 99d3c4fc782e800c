import { mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/core/ids.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import { RecordStore } from '../../../src/session/store.js';
import { record } from './support/records.js';

describe('the store of session records', () => {
  let folder = '';
  let store: RecordStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-store-'));
    store = new RecordStore(join(folder, 'state'), join(folder, 'run'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('gives back what was saved, and nothing after it was removed', async () => {
    const one = record();
    const id = one.id as SessionId;
    expect(await store.load(id)).toBeUndefined();
    await store.save(one);
    await store.save({ ...one, state: 'ending' });
    expect(await store.load(id)).toEqual({ ...one, state: 'ending' });
    expect(await store.list()).toEqual({ records: [{ ...one, state: 'ending' }], unreadable: [] });
    await Promise.all([store.logPath(id), store.movedPath(id)].map((path) => writeFile(path, 'x')));
    await store.remove(id);
    await store.remove(id);
    expect(await readdir(store.folder)).toEqual([]);
    expect(await store.list()).toEqual({ records: [], unreadable: [] });
  });

  it('writes no record that nobody would read', async () => {
    const one = record();
    await store.save(one);
    const labels = { long: 'x'.repeat(256 * 1024) };
    await expect(store.save({ ...one, spec: { ...one.spec, labels } })).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
    });
    expect(await store.list()).toEqual({ records: [one], unreadable: [] });
    expect(await readdir(store.folder)).toEqual([`${one.id}.json`]);
  });

  it('is empty when there is no folder yet', async () => {
    expect(await store.list()).toEqual({ records: [], unreadable: [] });
  });

  it('keeps its files from everybody else, and leaves no half-written one', async () => {
    const one = record();
    await Promise.all(Array.from({ length: 5 }, () => store.save(one)));
    expect(await readdir(store.folder)).toEqual([`${one.id}.json`]);
    expect((await stat(store.folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(store.folder, `${one.id}.json`))).mode & 0o777).toBe(0o600);
  });

  it('reports what is no record of ours as unreadable, and never takes it for one', async () => {
    await mkdir(store.folder, { recursive: true });
    const ids = Array.from({ length: 6 }, () => newSessionId());
    const [garbled = '', foreign = '', linked = '', huge = '', folderLike = '', extra = ''] = ids;
    const path = (id: string) => join(store.folder, `${id}.json`);
    await writeFile(path(garbled), '{"version":1');
    await writeFile(path(foreign), JSON.stringify(record()));
    await writeFile(join(folder, 'elsewhere'), JSON.stringify(record({ id: linked })));
    await symlink(join(folder, 'elsewhere'), path(linked));
    await writeFile(path(huge), '');
    await truncate(path(huge), 1024 ** 3);
    await mkdir(path(folderLike));
    await writeFile(path(extra), JSON.stringify({ ...record({ id: extra }), more: 1 }));
    await writeFile(join(store.folder, 'notes.json'), '{}');
    await writeFile(join(store.folder, 'readme.txt'), 'not looked at');
    const { records, unreadable } = await store.list();
    expect(records).toEqual([]);
    expect(unreadable.sort()).toEqual([...ids, 'notes'].sort());
    for (const id of ids) expect(await store.load(id)).toBeUndefined();
  });

  it('says so when it can not write, and leaves nothing', async () => {
    await writeFile(join(folder, 'state'), 'a file where the folder should be');
    await expect(store.save(record())).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
    expect(await readdir(folder)).toEqual(['state']);
  });
});
