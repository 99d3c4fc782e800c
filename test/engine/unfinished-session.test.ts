import { describe, expect, it, vi } from 'vitest';
import { PaddockError } from '../../src/core/errors.js';
import { engineKinds } from './support/engines.js';
import { Stage } from './support/stage.js';

describe.each(engineKinds)('a session of a real rootless %s that could not be finished', (kind) => {
  it('leaves nothing', async () => {
    await using stage = await Stage.open(kind);
    failSecondSave(stage);
    await expect(stage.create()).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
    expect(await stage.containers()).toEqual([]);
    expect((await stage.store.list()).records).toEqual([]);
  });

  it('keeps its record while the engine will not remove its container, and is gone with the next one', async () => {
    await using stage = await Stage.open(kind);
    failSecondSave(stage);
    const remove = vi.spyOn(stage.engine, 'removeContainer').mockRejectedValue(new Error('not now'));
    await expect(stage.create()).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
    expect(await stage.containers()).toHaveLength(1);
    const { records } = await stage.store.list();
    expect(records).toMatchObject([{ state: 'creating' }]);
    remove.mockRestore();
    const session = await stage.create();
    expect((await stage.store.list()).records.map(({ id }) => id)).toEqual([session.id]);
    expect(await stage.containers()).toHaveLength(1);
  });
});

/** The record of a session that begins is written, that of one that runs is not, the next ones are. */
function failSecondSave({ store }: Stage): void {
  const save = store.save.bind(store);
  let calls = 0;
  vi.spyOn(store, 'save').mockImplementation((record) => {
    calls += 1;
    return calls === 2 ? Promise.reject(new PaddockError('STATE_UNWRITABLE', 'the disk is full')) : save(record);
  });
}
