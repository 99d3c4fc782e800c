import { createHash } from 'node:crypto';
import { closeSync, existsSync, lstatSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyChanges } from '../../../../src/workspace/apply/apply.js';
import type { Change } from '../../../../src/workspace/changes/change.js';
import { Ground, noJudge } from './support/ground.js';

const mib = 1024 ** 2;

describe('the room that applied changes take', () => {
  let ground: Ground;
  beforeEach(() => {
    ground = new Ground();
  });
  afterEach(() => ground[Symbol.dispose]());

  const apply = (changes: readonly Change[], freeBytes: number, signal = new AbortController().signal) =>
    applyChanges(ground.layer, changes, {
      ...{ all: changes, overwrite: new Set<string>(), isDry: false, judge: noJudge, signal },
      room: () => Promise.resolve(freeBytes),
    });

  /** A long file with little in it. */
  function sparse(name: string, sizeBytes: number): void {
    const file = openSync(join(ground.upper, name), 'w');
    for (const at of [0, 1 * mib + 4096 * 3 + 5, sizeBytes - 3]) writeSync(file, 'abc', at);
    closeSync(file);
  }

  it('is there, or nothing is begun', async () => {
    ground.host({ a: 'old' });
    ground.session({ a: 'x'.repeat(4000), b: 'x'.repeat(4000) });
    const changes = [ground.change('modified', 'a'), ground.change('added', 'b')];
    await expect(apply(changes, 7999)).rejects.toMatchObject({ code: 'PROJECT_UNWRITABLE', info: { freeBytes: 7999 } });
    expect(ground.tree()).toEqual({ a: 'old' });
    expect(existsSync(join(ground.layer.folder, 'apply.journal'))).toBe(false);
    expect((await apply(changes, 8000)).map(({ result }) => result)).toEqual(['applied', 'applied']);
  });

  it('is that of what is in a file, not that of its length: holes stay holes', async () => {
    sparse('long', 32 * mib);
    const changes = [ground.change('added', 'long')];
    await expect(apply(changes, 4096)).rejects.toMatchObject({ code: 'PROJECT_UNWRITABLE' });
    const [outcome] = await apply(changes, mib);
    const content = readFileSync(join(ground.project, 'long'));
    expect(content.equals(readFileSync(join(ground.upper, 'long')))).toBe(true);
    expect(outcome).toMatchObject({
      sizeBytes: 32 * mib,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    expect(lstatSync(join(ground.project, 'long')).blocks * 512).toBeLessThan(64 * 1024);
  });

  it('is not waited for when the caller has gone, however long a file is', async () => {
    sparse('endless', mib * 2);
    truncateSync(join(ground.upper, 'endless'), 2 ** 42);
    const cancel = new AbortController();
    const applied = apply([ground.change('added', 'endless')], 2 ** 50, cancel.signal);
    setTimeout(() => cancel.abort(), 50);
    await expect(applied).rejects.toMatchObject({ name: 'AbortError' });
    expect(ground.tree()).toEqual({});
  });
});
