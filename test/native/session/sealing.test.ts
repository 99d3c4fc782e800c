import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { isAlive } from '../../../src/kit/process-identity.js';
import { shownReview } from '../../../src/session/changes/shown-review.js';
import { fillLayer } from '../../../src/session/layer-origin.js';
import { layerOf, listLayers, requireLayer } from '../../../src/session/layers.js';
import { sweepRecordFolder } from '../../../src/session/left-over-files.js';
import { isSealDue } from '../../../src/session/sealing.js';
import { Snapshots } from '../../../src/session/snapshots.js';
import { fingerprintOf } from '../../../src/workspace/changes/fingerprint.js';
import { openedLayer } from '../../../src/workspace/changes/layer.js';
import { readLayerNote, writeLayerNote } from '../../../src/workspace/layer-note.js';
import { sweepOpened } from '../../../src/workspace/sealed/opened-folders.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, gone, lines, opaque } from '../workspace/support/trees.js';
import { dayMs, Kept } from './support/kept.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const { signal } = new AbortController();
const canary = 'canary-e7d1';

describe('what sessions leave, encrypted', () => {
  let kept: Kept;

  beforeEach(async () => {
    kept = new Kept(programs);
    await kept.addKey();
    kept.trees.put('project', { changed: file('a'), gone: file('g'), old: folder({ below: file('b') }) });
  });
  afterEach(() => kept[Symbol.dispose]());

  const fill = (upper: string) => {
    const { trees } = kept;
    rmSync(trees.layer.upper, { recursive: true });
    mkdirSync(trees.layer.upper);
    trees.put('upper', {
      ...{ changed: file(`changed ${canary}`), gone, [canary]: file('new', 0o755), old: opaque({ fresh: file('f') }) },
    });
    execFileSync('cp', ['-a', `${trees.layer.upper}/.`, upper]);
    execFileSync(programs.mark, ['opaque', join(upper, 'old')]);
  };
  async function ended(): Promise<string> {
    const id = await kept.session(fill);
    await kept.store.remove(id);
    return id;
  }
  const folderOf = (id: string) => kept.store.layerFolder(id as never);
  const noteOf = async (id: string) => (await readLayerNote(folderOf(id))) ?? expect.fail('there is no note');

  it('are in no file of the state folder in clear, by name or content; without encryption they are', async () => {
    kept.isOn = false;
    const plain = await ended();
    expect(kept.holding(canary).length).toBe(2);
    await kept.discard(plain);
    kept.isOn = true;
    const id = await kept.session(fill);
    const before = lines(await kept.shown(id));
    await kept.store.remove(id);
    expect(kept.holding(canary)).toEqual([]);
    expect(readdirSync(folderOf(id)).sort()).toEqual(['layer.json', 'notes.age', 'upper.age']);
    expect(before.length).toBeGreaterThan(4);
    expect(lines(await kept.shown(id))).toEqual(before);
    expect(readdirSync(join(kept.state, 'opened'))).toEqual([]);
    expect(kept.holding(canary)).toEqual([]);
    expect(kept.audit.lines).toContain(`changes.seal ${id} ok`);
    const [listed] = await listLayers(kept.store);
    expect(listed?.note).toMatchObject({
      kept: { bytes: expect.any(Number) as number },
      sealed: { bytes: expect.any(Number) as number },
    });
  });

  it('are applied as they were reviewed, whatever number of times they are opened, and noted as applied', async () => {
    const id = await ended();
    const [first, second] = [await kept.shown(id), await kept.shown(id)];
    expect(await fingerprintOf(second)).toBe(await fingerprintOf(first));
    const report = await kept.apply(id, { paths: ['changed'], reviewed: await fingerprintOf(first) });
    expect(report.applied.map(({ path }) => path)).toEqual(['changed']);
    const project = kept.trees.layer.project.source;
    expect(readFileSync(join(project, 'changed'), 'utf8')).toBe(`changed ${canary}`);
    expect(kept.holding(canary)).toEqual([]);
    await using open = await openedLayer(await kept.layer(id), signal);
    expect(readFileSync(join(open.layer.notes ?? '', 'applied.jsonl'), 'utf8')).toContain('"path":"changed"');
    expect((await kept.apply(id)).left).toEqual([]);
    await expect(kept.apply(id, { reviewed: await fingerprintOf(first) })).rejects.toMatchObject({
      code: 'REVIEW_OUTDATED',
    });
  });

  it('are discarded in part, before and after they are encrypted, and nothing says so in clear', async () => {
    const id = await kept.session(fill);
    await kept.discard(id, [canary, 'gone']);
    await kept.store.remove(id);
    expect(lines(await kept.shown(id)).some((line) => line.includes(canary) || line.includes('gone'))).toBe(false);
    await kept.discard(id, ['changed']);
    expect(kept.holding(canary)).toEqual([]);
    expect(kept.holding('"path":"changed"')).toEqual([]);
    expect(lines(await kept.shown(id)).some((line) => line.includes('changed'))).toBe(false);
    expect(lines(await kept.shown(id)).length).toBeGreaterThan(0);
  });

  it('begin other sessions and snapshots, which are encrypted as well', async () => {
    const id = await ended();
    await kept.discard(id, ['gone']);
    const before = lines(await kept.shown(id));
    const snapshots = new Snapshots({
      ...{ folder: join(kept.state, 'snapshots'), program: kept.program, clock: systemClock, audit: kept.audit },
      seals: kept.seals,
    });
    const most = { mostBytes: 1024 ** 3, mostEntries: 1000, mostTotalBytes: 1024 ** 4 };
    const snapshot = await snapshots.take(await requireLayer(kept.store, id), { ...most, keepMs: dayMs, signal });
    expect(readdirSync(join(kept.state, 'snapshots', snapshot.id)).sort()).toEqual([
      ...['notes.age', 'snapshot.json', 'upper.age'],
    ]);
    expect(kept.holding(canary)).toEqual([]);
    const origins = [snapshots.originOf(snapshot), { ...(await kept.layer(id)), from: 'it' }];
    for (const [at, origin] of origins.entries()) {
      const begun = { folder: join(kept.trees.top, `begun${at}`), upper: join(kept.trees.top, `begun${at}/upper`) };
      mkdirSync(begun.upper, { recursive: true });
      await fillLayer(origin, begun, { ...most, program: kept.program, clock: systemClock, signal });
      const { project, sinceNs } = kept.trees.layer;
      const layer = { ...begun, project, sinceNs };
      expect(lines(await shownReview(layer, await kept.review(layer)))).toEqual(before);
    }
    await snapshots.remove(snapshot.id);
    expect(readdirSync(join(kept.state, 'opened'))).toEqual([]);
  });

  it('are only what differs where the session wrote to a copy of its project', async () => {
    const copied = await kept.trees.copied('state/copied');
    const id = await kept.session(() => undefined);
    rmSync(folderOf(id), { recursive: true });
    renameSync(copied.folder, folderOf(id));
    const { project } = kept.trees.layer;
    const note = { version: 1 as const, session: id, madeAtMs: 0, project, sinceNs: '1', keepMs: dayMs };
    await writeLayerNote(folderOf(id), { ...note, copy: { program: kept.program } });
    writeFileSync(join(folderOf(id), 'upper/changed'), canary);
    rmSync(join(folderOf(id), 'upper/gone'));
    const before = lines(await kept.shown(id));
    await kept.store.remove(id);
    expect(kept.holding(canary)).toEqual([]);
    expect(readdirSync(folderOf(id)).sort()).toEqual(['layer.json', 'notes.age', 'upper.age']);
    expect(before).toEqual(['modified changed', 'deleted gone']);
    expect(lines(await kept.shown(id))).toEqual(before);
  });

  it('stay in clear, which is noted, where there is no key, until a prune finds one', async () => {
    renameSync(kept.keyFile, `${kept.keyFile}.away`);
    const id = await ended();
    expect((await noteOf(id)).kept).toMatchObject({ plainBecause: 'ENCRYPTION_KEY_UNUSABLE' });
    expect(lines(await kept.shown(id)).length).toBeGreaterThan(4);
    expect(kept.holding(canary).length).toBe(2);
    renameSync(`${kept.keyFile}.away`, kept.keyFile);
    await sweepRecordFolder(kept.store, { clock: systemClock, audit: kept.audit, isDryRun: false });
    expect((await noteOf(id)).kept).not.toHaveProperty('plainBecause');
    expect(kept.holding(canary)).toEqual([]);
    expect(kept.audit.lines.filter((line) => line.startsWith('changes.seal'))).toEqual([
      `changes.seal ${id} ENCRYPTION_KEY_UNUSABLE`,
      `changes.seal ${id} ok`,
    ]);
  });

  it('can not be opened without the key, and be thrown away all the same', async () => {
    const id = await ended();
    renameSync(kept.keyFile, `${kept.keyFile}.away`);
    await kept.addKey();
    for (const run of [() => kept.shown(id), () => kept.apply(id), () => kept.discard(id, ['changed'])])
      await expect(run()).rejects.toMatchObject({ code: 'ENCRYPTION_KEY_UNUSABLE' });
    expect(await kept.discard(id)).toMatchObject({ how: 'removed', discarded: [] });
    expect(await layerOf(kept.store, id as never)).toBeUndefined();
  });

  it('are opened with any key of the file, and encrypted with the last one', async () => {
    const before = await ended();
    await kept.addKey();
    const after = await ended();
    const names = [(await noteOf(before)).sealed?.key, (await noteOf(after)).sealed?.key];
    expect(new Set(names).size).toBe(2);
    for (const id of [before, after]) expect(lines(await kept.shown(id)).length).toBeGreaterThan(4);
    const only = readFileSync(kept.keyFile, 'utf8').split('\n').slice(2).join('\n');
    writeFileSync(kept.keyFile, only);
    await expect(kept.shown(before)).rejects.toMatchObject({ code: 'ENCRYPTION_KEY_UNUSABLE' });
    expect(lines(await kept.shown(after)).length).toBeGreaterThan(4);
  });

  it('are refused once anything of them was changed, cut or put in another place', async () => {
    const [id, other] = [await ended(), await ended()];
    const [item, notes] = ['upper.age', 'notes.age'].map((name) => join(folderOf(id), name)) as [string, string];
    const original = new Map([item, notes, join(folderOf(id), 'layer.json')].map((path) => [path, readFileSync(path)]));
    const restore = () => {
      for (const [path, bytes] of original) writeFileSync(path, bytes);
    };
    const flip = (path: string, at: number) => {
      const bytes = readFileSync(path);
      const index = at < 0 ? bytes.length + at : at;
      bytes[index] = (bytes[index] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    };
    const note = await noteOf(id);
    const spoils: Record<string, () => unknown> = {
      'its first byte': () => flip(item, 0),
      'a byte of its header': () => flip(item, 60),
      'a byte of its content': () => flip(item, -2000),
      'its last byte': () => flip(item, -1),
      'a byte of its notes': () => flip(notes, -1),
      'a byte less': () => truncateSync(item, readFileSync(item).length - 1),
      nothing: () => truncateSync(item, 0),
      'a byte more': () => writeFileSync(item, Buffer.concat([readFileSync(item), Buffer.alloc(1)])),
      "another session's": () => writeFileSync(item, readFileSync(join(folderOf(other), 'upper.age'))),
      "another session's notes": () => writeFileSync(notes, readFileSync(join(folderOf(other), 'notes.age'))),
      'its notes in its place': () => writeFileSync(item, readFileSync(notes)),
      'another project': () => writeLayerNote(folderOf(id), { ...note, project: { ...note.project, source: '/etc' } }),
      'another owner': () => writeLayerNote(folderOf(id), { ...note, apiKey: 'a'.repeat(16) }),
      'no file': () => rmSync(item),
    };
    for (const [what, spoil] of Object.entries(spoils)) {
      await spoil();
      await expect(kept.shown(id), what).rejects.toMatchObject({ code: 'SEALED_UNREADABLE' });
      restore();
    }
    expect(lines(await kept.shown(id)).length).toBeGreaterThan(4);
    expect(readdirSync(join(kept.state, 'opened'))).toEqual([]);
  });

  it('are brought to their end by a prune where a crash came between, whatever it left', async () => {
    const id = await ended();
    const place = folderOf(id);
    mkdirSync(join(place, 'upper'));
    writeFileSync(join(place, 'upper/rest'), canary);
    writeFileSync(join(place, `layer.json.${'b'.repeat(8)}.tmp`), 'half');
    writeFileSync(join(place, `upper.age.${'a'.repeat(8)}.tmp`), 'half');
    writeFileSync(join(place, 'applied.jsonl'), `{"path":"${canary}","is":"x"}\n`);
    const { sealing } = kept.store;
    const due = async () => sealing !== undefined && isSealDue(place, await noteOf(id), sealing, Date.now());
    expect(await due()).toBe(true);
    await sweepRecordFolder(kept.store, { clock: systemClock, audit: kept.audit, isDryRun: false });
    expect(readdirSync(place).sort()).toEqual(['layer.json', 'notes.age', 'upper.age']);
    expect(await due()).toBe(false);
    await using open = await openedLayer(await kept.layer(id), signal);
    expect(readFileSync(join(open.layer.notes ?? '', 'applied.jsonl'), 'utf8')).toContain(canary);
  });

  it('leave what was opened only as long as its process lives', async () => {
    const opened = join(kept.state, 'opened');
    await using open = await openedLayer(await kept.layer(await ended()), signal);
    const [mine = ''] = readdirSync(opened);
    const dead = mine.replace(/^\d+-\d+/, '1-1');
    mkdirSync(join(opened, dead, 'upper'), { recursive: true });
    expect(await sweepOpened(opened, true, isAlive)).toEqual([join(opened, dead)]);
    expect(await sweepOpened(opened, false, isAlive)).toEqual([join(opened, dead)]);
    expect(readdirSync(opened)).toEqual([mine]);
    expect(open.layer.upper.startsWith(opened)).toBe(true);
  });

  it('stay opened for a process of another container of this boot, and go with the boot', async () => {
    const opened = join(kept.state, 'opened');
    await using open = await openedLayer(await kept.layer(await ended()), signal);
    const [mine = ''] = readdirSync(opened);
    const [, bootId = ''] = /^\d+-\d+-([0-9a-f-]{36})-\d+-[a-z2-7]{16}$/.exec(mine) ?? [];
    const elsewhere = `1-1-${bootId}-1-${'a'.repeat(16)}`;
    const before = `1-1-${'0'.repeat(8)}${bootId.slice(8)}-1-${'b'.repeat(16)}`;
    const halfGone = `1-1-${bootId}-${'c'.repeat(16)}.gone`;
    for (const name of [elsewhere, before, halfGone]) mkdirSync(join(opened, name, 'upper'), { recursive: true });
    const swept = await sweepOpened(opened, false, isAlive);
    expect([...swept].sort()).toEqual([before, halfGone].map((name) => join(opened, name)).sort());
    expect(readdirSync(opened).sort()).toEqual([mine, elsewhere].sort());
    expect(open.layer.upper).toBe(join(opened, mine, 'upper'));
  });

  it('keep what was noted before where what was opened is taken away', async () => {
    const id = await ended();
    await kept.discard(id, ['changed']);
    const before = lines(await kept.shown(id));
    await using open = await openedLayer(await kept.layer(id), signal);
    const opened = join(kept.state, 'opened');
    rmSync(opened, { recursive: true });
    await expect(open.keepNotes()).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
    expect(lines(await kept.shown(id))).toEqual(before);
    expect(before.some((line) => line.includes('changed'))).toBe(false);
  });
});
