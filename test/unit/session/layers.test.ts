import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { toPaddockError } from '../../../src/core/errors.js';
import { isSessionId, type SessionId } from '../../../src/core/ids.js';
import { systemClock } from '../../../src/kit/clock.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import { refuseMoreKept } from '../../../src/session/kept-room.js';
import { endLayer, layerOf, listLayers, requireLayer } from '../../../src/session/layers.js';
import { sweepRecordFolder } from '../../../src/session/left-over-files.js';
import { RecordStore } from '../../../src/session/store.js';
import { type LayerNote, writeLayerNote } from '../../../src/workspace/layer-note.js';
import { InMemoryAudit } from './support/audit.js';
import { record } from './support/records.js';

const dayMs = 86_400_000;

describe('what a session has written beside its project', () => {
  let folder: string;
  let store: RecordStore;
  let audit: InMemoryAudit;
  let nowMs: number;
  const clock = { ...systemClock, now: () => nowMs };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-layers-'));
    nowMs = Date.now();
    audit = new InMemoryAudit();
    store = new RecordStore(folder, join(folder, 'run'), clock);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function layer(note: Partial<LayerNote> | undefined, written: readonly string[] = []): Promise<SessionId> {
    const id = newSessionId();
    const place = store.layerFolder(id);
    await mkdir(join(place, 'upper'), { recursive: true });
    await mkdir(join(place, 'work/work'), { recursive: true });
    for (const name of written) await writeFile(join(place, 'upper', name), 'x'.repeat(10_000));
    const project = { source: '/home/ada/app', dev: '1', ino: '2' };
    const whole = { version: 1 as const, session: id, madeAtMs: nowMs, project, sinceNs: '5', keepMs: 7 * dayMs };
    if (note !== undefined) await writeLayerNote(place, { ...whole, ...note });
    return id;
  }

  it('is kept when the session ends, for as long as it was to be, without the scratch of the overlay', async () => {
    const id = await layer({ name: 'try' }, ['changed']);
    await store.remove(id);
    const kept = await layerOf(store, id);
    expect(kept?.note).toMatchObject({ name: 'try', kept: { endedAtMs: nowMs, untilMs: nowMs + 7 * dayMs } });
    expect(kept?.note.kept?.bytes).toBeGreaterThanOrEqual(10_000);
    expect(kept?.layer).toMatchObject({ upper: join(store.layerFolder(id), 'upper'), sinceNs: 5n });
    expect((await readdir(store.layerFolder(id))).sort()).toEqual(['layer.json', 'upper']);
  });

  it('goes with the session where nothing was written, and where it was not to be kept', async () => {
    for (const id of [await layer({}), await layer({ keepMs: 0 }, ['x']), await layer(undefined)])
      await store.remove(id);
    expect(await readdir(store.layersFolder)).toEqual([]);
  });

  it('goes with a session whose creation failed, whatever it began with', async () => {
    const id = await layer({ from: 'session pdk_x' }, ['copied']);
    await store.removeUnfinished(id);
    expect(await readdir(store.layersFolder)).toEqual([]);
  });

  it('is found on behalf of a key where it belongs to that key, and else is not there, whoever has it', async () => {
    const [ada, bob] = ['a'.repeat(16), 'b'.repeat(16)];
    const adas = new RecordStore(folder, join(folder, 'run'), clock, { apiKey: ada });
    const [own, other, users] = [await layer({ apiKey: ada }), await layer({ apiKey: bob }), await layer({})];
    expect((await requireLayer(adas, own)).id).toBe(own);
    const refused = (id: string) => requireLayer(adas, id).catch((error: unknown) => toPaddockError(error).toString());
    const refusals = await Promise.all([other, users, newSessionId(), 'x'].map(refused));
    expect(new Set(refusals).size).toBe(1);
    await expect(requireLayer(adas, other)).rejects.toMatchObject({ code: 'NO_SUCH_SESSION' });
    expect((await requireLayer(store, other)).id).toBe(other);
  });

  it('stays where its note can not be read: it may be work, and one of a later version', async () => {
    const [none, later] = [await layer(undefined, ['x']), await layer({}, ['x'])];
    await writeFile(join(store.layerFolder(later), 'layer.json'), '{"version":2}');
    for (const id of [none, later]) await store.remove(id);
    nowMs += 100 * dayMs;
    expect(await sweep()).toEqual([]);
    expect((await folders()).sort()).toEqual([none, later].sort());
  });

  it('is kept from its first end on: a second one puts nothing off', async () => {
    const id = await layer({}, ['x']);
    await endLayer(store.layerFolder(id), clock);
    const first = await layerOf(store, id);
    nowMs += dayMs;
    await endLayer(store.layerFolder(id), clock);
    expect(await layerOf(store, id)).toEqual(first);
  });

  /** Beside them lie the claims on those that are there. */
  const folders = async () => (await readdir(store.layersFolder)).filter(isSessionId);

  async function sweep(isDryRun = false) {
    return sweepRecordFolder(store, { clock, audit, isDryRun });
  }

  async function aged(id: SessionId): Promise<void> {
    const before = new Date(nowMs - 120_000);
    await utimes(store.layerFolder(id), before, before);
  }

  it('is kept by a prune where a crash came before that, and only then', async () => {
    const crashed = await layer({}, ['x']);
    const young = await layer({}, ['x']);
    const { id: recorded } = record({ id: await layer({}, ['x']) });
    await store.save(record({ id: recorded }));
    for (const id of [crashed, recorded as SessionId]) await aged(id);
    expect(await sweep(true)).toEqual([]);
    expect(await sweep()).toEqual([]);
    const kept = (await listLayers(store)).filter(({ note }) => note.kept !== undefined).map(({ id }) => id);
    expect(kept).toEqual([crashed]);
    expect((await listLayers(store)).map(({ id }) => id).sort()).toEqual([crashed, young, recorded].sort());
  });

  it('is removed by a prune when its time is over, or when nothing says what it is', async () => {
    const [over, unknown, lasting] = [
      await layer({ keepMs: dayMs }, ['x']),
      await layer(undefined),
      await layer({}, ['x']),
    ];
    for (const id of [over, lasting]) await endLayer(store.layerFolder(id), clock);
    nowMs += 2 * dayMs;
    for (const id of [over, unknown, lasting]) await aged(id);
    expect([...(await sweep(true))].sort()).toEqual([over].map((id) => store.layerFolder(id)).sort());
    expect((await folders()).length).toBe(3);
    expect([...(await sweep())].sort()).toEqual([over, unknown].map((id) => store.layerFolder(id)).sort());
    expect(await folders()).toEqual([lasting]);
    expect(audit.lines).toEqual([`changes.expire ${over} ok`]);
  });

  it('takes the claims on it with it, and a prune those that a crash has left', async () => {
    const id = await layer({}, ['x']);
    await endLayer(store.layerFolder(id), clock);
    const [lost, draft] = [`${newSessionId()}.lock.3`, `.note-${'a'.repeat(12)}`];
    for (const name of [lost, draft]) await writeFile(join(store.layersFolder, name), '{}');
    expect(await sweep()).toEqual([]);
    nowMs += dayMs;
    const strays = [lost, draft].map((name) => join(store.layersFolder, name)).sort();
    expect([...(await sweep(true))].sort()).toEqual(strays);
    expect([...(await sweep())].sort()).toEqual(strays);
    nowMs += 7 * dayMs;
    expect(await sweep()).toEqual([store.layerFolder(id)]);
    expect(await readdir(store.layersFolder)).toEqual([]);
  });

  it('counts against the room there is for it: no further session of the kind beyond it', async () => {
    const { admission } = builtInPolicy('/home/ada');
    const cow = [{ copyOnWrite: true }] as unknown as Parameters<typeof refuseMoreKept>[1];
    const refuse = (keptBytes: number, checked = cow) =>
      refuseMoreKept(store, checked, { admission: { ...admission, keptBytes } });
    await layer({}, ['x']);
    await expect(refuse(1)).resolves.toBeUndefined();
    const id = await layer({}, ['x']);
    await store.remove(id);
    await expect(refuse(1)).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
      info: { ruleId: 'admission.kept-changes' },
    });
    await expect(refuse(1, [])).resolves.toBeUndefined();
    await expect(refuse(1024 ** 3)).resolves.toBeUndefined();
  });

  it('counts with all that its session might write where somebody inside has hidden what it is', async () => {
    const hidden = async (note: Partial<LayerNote>) => {
      const id = await layer(note, ['x']);
      // Deeper than anybody counts; a folder without permissions does the same, but not to root.
      await mkdir(join(store.layerFolder(id), 'upper', ...Array.from({ length: 600 }, () => 'd')), { recursive: true });
      return id;
    };
    const kept = async (id: SessionId) => (await layerOf(store, id))?.note.kept?.bytes;
    const [noted, grown] = [await hidden({ diskBytes: 1e9 }), await hidden({ diskBytes: 1e9 })];
    const last = record({ id: grown });
    await store.save({ ...last, spec: { ...last.spec, limits: { ...last.spec.limits, diskBytes: 2e9 } } });
    for (const id of [noted, grown]) await store.remove(id);
    expect([await kept(noted), await kept(grown)]).toEqual([1e9, 2e9]);
  });

  it('is no more of one key than can be looked at, however little each is', async () => {
    const { admission } = builtInPolicy('/home/ada');
    const cow = [{ copyOnWrite: true }] as unknown as Parameters<typeof refuseMoreKept>[1];
    const apiKey = 'a'.repeat(16);
    const kept = { endedAtMs: nowMs, untilMs: nowMs + dayMs, bytes: 0 };
    for (let count = 0; count < 2000; count += 1) {
      const id = newSessionId();
      await mkdir(store.layerFolder(id), { recursive: true });
      const project = { source: '/home/ada/app', dev: '1', ino: '2' };
      const note = { version: 1 as const, session: id, madeAtMs: nowMs, project, sinceNs: '5', keepMs: dayMs, apiKey };
      // Without waiting for the disk, two thousand times.
      await writeFile(join(store.layerFolder(id), 'layer.json'), JSON.stringify({ ...note, kept }), { mode: 0o600 });
    }
    const { layersFolder } = store;
    const places = { layersFolder, layerFolder: store.layerFolder.bind(store), load: store.load.bind(store) };
    const refused = (key: string | undefined) => refuseMoreKept({ ...places, apiKey: key }, cow, { admission });
    await expect(refused(apiKey)).rejects.toMatchObject({ info: { ruleId: 'key.kept-changes', most: 2000 } });
    for (const other of ['b'.repeat(16), undefined]) await expect(refused(other)).resolves.toBeUndefined();
  });

  it('counts against the room of the key that it is of, and tells no other key how much it is', async () => {
    const cow = [{ copyOnWrite: true }] as unknown as Parameters<typeof refuseMoreKept>[1];
    const { admission } = builtInPolicy('/home/ada');
    const of = (apiKey: string) => ({
      layersFolder: store.layersFolder,
      layerFolder: store.layerFolder.bind(store),
      load: store.load.bind(store),
      apiKey,
    });
    const refusalFor = (apiKey: string, rules: { keptBytes: number; ownKeptBytes: number }) =>
      refuseMoreKept(of(apiKey), cow, { admission: { ...admission, ...rules } }).catch(toPaddockError);
    const [ours, theirs] = ['a'.repeat(16), 'b'.repeat(16)];
    const id = await layer({ apiKey: ours }, ['x']);
    await store.remove(id);
    const rules = { keptBytes: 1024 ** 3, ownKeptBytes: 10_000 };
    expect(await refusalFor(ours, rules)).toMatchObject({
      code: 'LIMIT_REACHED',
      info: { ruleId: 'key.kept-changes', mostBytes: 10_000 },
    });
    expect(await refusalFor(theirs, rules)).toBeUndefined();
    const refused = await refusalFor(theirs, { keptBytes: 1, ownKeptBytes: 1 });
    expect(refused).toMatchObject({ code: 'LIMIT_REACHED', info: { ruleId: 'admission.kept-changes' } });
    expect(JSON.stringify([refused?.message, refused?.info])).not.toMatch(/[0-9]/);
  });
});
