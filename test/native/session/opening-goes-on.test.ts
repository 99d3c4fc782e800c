import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { shownReview } from '../../../src/session/changes/shown-review.js';
import { openedLayer } from '../../../src/workspace/changes/layer.js';
import { Openings } from '../../../src/workspace/sealed/openings.js';
import type { Unpacked } from '../../../src/workspace/sealed/seals.js';
import { removeWriteLayer } from '../../../src/workspace/write-layer.js';
import { HeldClock } from '../../unit/tools/support/stage.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, lines } from '../workspace/support/trees.js';
import { Kept } from './support/kept.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };

const never = new AbortController().signal;

describe('opening what is kept encrypted, for callers that do not wait', () => {
  let kept: Kept;
  beforeEach(async () => {
    kept = new Kept(programs);
    await kept.addKey();
    kept.trees.put('project', { changed: file('a'), other: file('a') });
  });
  afterEach(() => kept[Symbol.dispose]());

  const opened = () => {
    const folder = join(kept.state, 'opened');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  const sealedSession = async () => {
    const id = await kept.session((upper) => {
      for (const name of ['changed', 'other']) writeFileSync(join(upper, name), 'b');
    });
    await kept.store.remove(id);
    return id;
  };

  it('goes on behind: the same call sees all of it later, and as it is by then', async () => {
    const id = await sealedSession();
    const openings = new Openings<Unpacked>({ clock: systemClock, waitMs: 0 });
    kept.openings = openings;
    await expect(kept.shown(id)).rejects.toMatchObject({ code: 'LAYER_OPENING' });
    // Somebody else in another process, who waits.
    kept.openings = undefined;
    await kept.discard(id, ['other']);
    kept.openings = openings;
    await expect.poll(() => kept.shown(id).then(lines, () => [])).toEqual(['modified changed']);
    await expect.poll(opened).toEqual([]);
    await openings[Symbol.asyncDispose]();
  });

  it('is opened once where it is put back, and seen as it is by then', async () => {
    const id = await sealedSession();
    await kept.discard(id, ['other']);
    await using openings = new Openings<Unpacked>({ clock: systemClock, waitMs: 60_000 });
    kept.openings = openings;
    const open = await openedLayer(await kept.layer(id), never);
    const [name] = opened();
    await open.putBack?.();
    expect(opened()).toEqual([name]);
    const again = await openedLayer(await kept.layer(id), never);
    expect(again.layer.upper).toBe(open.layer.upper);
    expect(lines(await shownReview(again.layer, await kept.review(again.layer)))).toEqual(['modified changed']);
    await again[Symbol.asyncDispose]();
    expect(opened()).toEqual([]);
  });

  it('is not kept in clear once what is encrypted was removed', async () => {
    const id = await sealedSession();
    const clock = new HeldClock();
    await using openings = new Openings<Unpacked>({ clock, waitMs: 60_000 });
    kept.openings = openings;
    const open = await openedLayer(await kept.layer(id), never);
    await open.putBack?.();
    await removeWriteLayer(kept.store.layerFolder(id));
    await clock.pass(5000, 5000);
    await expect.poll(opened).toEqual([]);
  });

  it('leaves nothing in clear when the server ends meanwhile', async () => {
    const id = await sealedSession();
    const openings = new Openings<Unpacked>({ clock: systemClock, waitMs: 0 });
    kept.openings = openings;
    await expect(kept.shown(id)).rejects.toMatchObject({ code: 'LAYER_OPENING' });
    await openings[Symbol.asyncDispose]();
    expect(opened()).toEqual([]);
    await expect(kept.shown(id)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    kept.openings = undefined;
    expect(lines(await kept.shown(id))).toEqual(['modified changed', 'modified other']);
  });
});
