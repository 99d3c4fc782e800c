import { writeFileSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { deferred } from '../../../src/kit/deferred.js';
import { applyLayer } from '../../../src/session/changes/apply-layer.js';
import { keptOf, plainWords } from '../../../src/session/changes/kept-words.js';
import { requireToRead } from '../../../src/session/changes/layer-to-read.js';
import { shownReview } from '../../../src/session/changes/shown-review.js';
import { sweepRecordFolder } from '../../../src/session/left-over-files.js';
import { isPruneDue } from '../../../src/session/reaper.js';
import { SealingBehind } from '../../../src/session/sealing-behind.js';
import { openedLayer } from '../../../src/workspace/changes/layer.js';
import { readLayerNote } from '../../../src/workspace/layer-note.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, lines } from '../workspace/support/trees.js';
import { Kept } from './support/kept.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const { signal } = new AbortController();
const canary = 'canary-91d4';

describe('encrypting what a session has left, where nobody waits for it', () => {
  let kept: Kept;
  beforeEach(async () => {
    kept = new Kept(programs);
    await kept.addKey();
    kept.trees.put('project', { changed: file('a') });
  });
  afterEach(() => kept[Symbol.dispose]());

  const fill = (upper: string) => writeFileSync(join(upper, 'changed'), canary);
  const noteOf = async (id: string) => (await readLayerNote(kept.store.layerFolder(id as never))) ?? expect.fail();
  const sealed = ['layer.json', 'notes.age', 'upper.age'];
  const isDue = (nowMs = Date.now()) =>
    isPruneDue({
      ...{ store: kept.store, clock: { ...systemClock, now: () => nowMs }, bootId: 'b' },
      ...{ isAlive: () => Promise.resolve(true), snapshotsFolder: join(kept.state, 'snapshots') },
    });
  const prune = (signal?: AbortSignal, isByItself = false) =>
    sweepRecordFolder(kept.store, { clock: systemClock, audit: kept.audit, isDryRun: false, isByItself, signal });

  it('goes on behind, is said to, and is done once', async () => {
    const id = await kept.session(fill);
    await using behind = new SealingBehind({ clock: systemClock, waitMs: 1 });
    const may = deferred<undefined>();
    await behind.within(async (stop) => {
      await may.promise;
      await kept.store.remove(id, (seal) => seal(stop));
    });
    expect(await keptOf(kept.store, id)).toBeUndefined();
    may.resolve(undefined);
    await expect.poll(() => kept.audit.lines, { timeout: 20_000 }).toContain(`changes.seal ${id} ok`);
    await expect.poll(() => readdir(kept.store.layerFolder(id)).then((names) => names.sort())).toEqual(sealed);
    expect((await keptOf(kept.store, id))?.isSealDue).toBe(false);
  });

  it('is due, and said to be going on, where its process has ended before it was done', async () => {
    const id = await kept.session(fill);
    await kept.store.remove(id, (seal) => seal(AbortSignal.abort()));
    const found = (await keptOf(kept.store, id)) ?? expect.fail();
    expect(found).not.toHaveProperty('plainBecause');
    expect(plainWords(found)).toBe('not encrypted yet, which goes on');
    expect(kept.holding(canary).length).toBe(1);
    expect(await isDue()).toBe(true);
    await prune(AbortSignal.abort());
    expect((await noteOf(id)).sealed).toBeUndefined();
    await prune();
    expect(kept.holding(canary)).toEqual([]);
    expect(await isDue()).toBe(false);
  });

  it('is tried again now and then by whoever prunes by itself, where it has failed', async () => {
    await rename(kept.keyFile, `${kept.keyFile}.away`);
    const id = await kept.session(fill);
    await kept.store.remove(id);
    expect(plainWords((await keptOf(kept.store, id)) ?? expect.fail())).toContain('ENCRYPTION_KEY_UNUSABLE');
    expect(await isDue()).toBe(false);
    expect(await isDue(Date.now() + 20 * 60_000)).toBe(true);
    const tries = () => kept.audit.lines.filter((line) => line.startsWith('changes.seal')).length;
    // Whatever else there is to prune.
    await prune(undefined, true);
    expect(tries()).toBe(1);
    await prune();
    expect(tries()).toBe(2);
    const { triedAtMs = 0 } = (await noteOf(id)).kept ?? {};
    expect(await isDue(triedAtMs + 14 * 60_000)).toBe(false);
    expect(await isDue(triedAtMs + 15 * 60_000)).toBe(true);
    await rename(`${kept.keyFile}.away`, kept.keyFile);
    await prune();
    expect((await noteOf(id)).kept).not.toHaveProperty('triedAtMs');
    expect(await readdir(kept.store.layerFolder(id)).then((names) => names.sort())).toEqual(sealed);
  });

  it('waits for who looks at it in clear, who sees all of it, and who comes later sees the same encrypted', async () => {
    const id = await kept.session(fill);
    const shown = async () => {
      await using open = await openedLayer((await requireToRead(kept.store, id, systemClock)).layer, signal);
      return lines(await shownReview(open.layer, await kept.review(open.layer)));
    };
    const before = await shown();
    expect(before).toEqual(['modified changed']);
    const reading = await openedLayer((await requireToRead(kept.store, id, systemClock)).layer, signal);
    const ending = kept.store.remove(id);
    expect(lines(await kept.review(reading.layer))).toEqual(before);
    expect((await noteOf(id)).sealed).toBeUndefined();
    const next = shown();
    await reading[Symbol.asyncDispose]();
    await ending;
    expect((await noteOf(id)).sealed).toBeDefined();
    expect(await next).toEqual(before);
    expect(await shown()).toEqual(before);
  });

  it('takes nothing away from who has read its note before: that is refused, not half of it', async () => {
    const id = await kept.session(fill);
    const stale = await kept.layer(id);
    await kept.store.remove(id);
    const parts = { audit: kept.audit, withhold: [], env: {}, review: kept.review };
    await expect(applyLayer(id, stale, {}, parts, signal)).rejects.toMatchObject({ code: 'LAYER_BUSY' });
    expect((await kept.apply(id)).applied).toHaveLength(1);
  });
});
