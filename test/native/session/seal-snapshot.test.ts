import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { expectAsRead } from '../../../src/session/changes/own-layer.js';
import { requireLayer } from '../../../src/session/layers.js';
import { isSnapshotSealDue, sealOverdue } from '../../../src/session/seal-snapshot.js';
import { Snapshots } from '../../../src/session/snapshots.js';
import { openedLayer } from '../../../src/workspace/changes/layer.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file } from '../workspace/support/trees.js';
import { dayMs, Kept } from './support/kept.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const { signal } = new AbortController();

describe('a snapshot that was taken before encryption was set', () => {
  let kept: Kept;
  beforeEach(async () => {
    kept = new Kept(programs);
    await kept.addKey();
    kept.trees.put('project', { changed: file('a') });
  });
  afterEach(() => kept[Symbol.dispose]());

  const folder = () => join(kept.state, 'snapshots');
  const snapshots = (clock = systemClock) =>
    new Snapshots({
      ...{ folder: folder(), program: kept.program, clock, audit: kept.audit, seals: kept.seals },
    });
  async function taken() {
    const id = await kept.session((upper) => writeFileSync(join(upper, 'changed'), 'b'));
    kept.isOn = false;
    const most = { mostBytes: 1024 ** 2, mostEntries: 100, mostTotalBytes: 1024 ** 3, keepMs: dayMs };
    const snapshot = await snapshots().take(await requireLayer(kept.store, id), { ...most, signal });
    kept.isOn = true;
    return snapshot;
  }
  const namesOf = (id: string) => readdirSync(join(folder(), id)).sort();
  const sealedNames = ['notes.age', 'snapshot.json', 'upper.age'];

  it('is encrypted by the next prune, and by what its note says then, not what it said when it was listed', async () => {
    const before = await taken();
    const stale = snapshots().originOf(before);
    await expectAsRead(stale);
    await snapshots().sweep(false);
    const item = readFileSync(join(folder(), before.id, 'upper.age'));
    const parts = { folder: folder(), seals: kept.seals, clock: systemClock, audit: kept.audit };
    await sealOverdue(before, stale, parts);
    expect(readFileSync(join(folder(), before.id, 'upper.age')).equals(item)).toBe(true);
    expect(namesOf(before.id)).toEqual(sealedNames);
    expect(kept.audit.lines.filter((line) => line.startsWith('snapshot.seal'))).toEqual([
      `snapshot.seal ${before.session} ok`,
    ]);
    await expect(expectAsRead(stale)).rejects.toMatchObject({ code: 'LAYER_BUSY' });
    const now = await snapshots().get(before.id);
    await expectAsRead(snapshots().originOf(now));
    await using open = await openedLayer(snapshots().originOf(now), signal);
    expect(readFileSync(join(open.layer.upper, 'changed'), 'utf8')).toBe('b');
  });

  it('stays in clear where that fails, which stands in the audit log, and the next one has its turn', async () => {
    const [first, second] = [await taken(), await taken()];
    renameSync(join(folder(), first.id, 'upper'), join(folder(), first.id, 'away'));
    await snapshots().sweep(false);
    expect(kept.audit.lines.filter((line) => line.startsWith('snapshot.seal')).sort()).toEqual(
      [`snapshot.seal ${first.session} SNAPSHOT_FAILED`, `snapshot.seal ${second.session} ok`].sort(),
    );
    expect(namesOf(second.id)).toEqual(sealedNames);
  });

  it('is left alone for a while where that failed, but by who asks for a prune', async () => {
    const { id } = await taken();
    const at = (nowMs: number) => ({ ...systemClock, now: () => nowMs });
    const due = (clock = systemClock) => isSnapshotSealDue({ folder: folder(), seals: kept.seals, clock });
    const tries = () => kept.audit.lines.filter((line) => line.startsWith('snapshot.seal')).length;
    expect(await due()).toBe(true);
    renameSync(kept.keyFile, `${kept.keyFile}.away`);
    await snapshots().sweep(false, { isByItself: true });
    expect([tries(), await due()]).toEqual([1, false]);
    await snapshots().sweep(false, { isByItself: true });
    expect(tries()).toBe(1);
    await snapshots().sweep(false);
    expect(tries()).toBe(2);
    const { triedAtMs = 0 } = await snapshots().get(id);
    expect(await due(at(triedAtMs + 15 * 60_000 - 1))).toBe(false);
    expect(await due(at(triedAtMs + 15 * 60_000))).toBe(true);
    renameSync(`${kept.keyFile}.away`, kept.keyFile);
    await snapshots(at(triedAtMs + 15 * 60_000)).sweep(false, { isByItself: true });
    expect(await snapshots().get(id)).not.toHaveProperty('triedAtMs');
    expect([namesOf(id), await due()]).toEqual([sealedNames, false]);
  });
});
