import { cpSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyChanges } from '../../../../src/workspace/apply/apply.js';
import { carryMarks } from '../../../../src/workspace/apply/carry-marks.js';
import type { Layer } from '../../../../src/workspace/changes/layer.js';
import { entryOf } from '../../../../src/workspace/changes/stamp.js';
import { Ground, noJudge } from './support/ground.js';

describe('a copy of a layer', () => {
  let ground: Ground;
  let copy: Layer;
  beforeEach(async () => {
    ground = new Ground();
    ground.host({ a: 'old', b: 'old' });
    ground.session({ a: 'first', b: 'first' });
    expect(await results(ground.layer)).toEqual(['applied', 'applied']);
    const folder = join(ground.top, 'copy');
    mkdirSync(folder);
    copy = { ...ground.layer, folder, upper: join(folder, 'upper') };
    cpSync(ground.upper, copy.upper, { recursive: true });
    await carryMarks(ground.layer, copy);
  });
  afterEach(() => ground[Symbol.dispose]());

  async function results({ upper, ...layer }: Layer, paths = ['a', 'b']): Promise<readonly string[]> {
    const entryAt = (...place: readonly string[]) => entryOf(lstatSync(join(...place), { bigint: true }));
    const changes = paths.map((path) => {
      const [before, after] = [entryAt(ground.project, path), entryAt(upper, path)];
      return { path, kind: 'modified' as const, before, after };
    });
    const { signal } = new AbortController();
    const options = { all: changes, overwrite: new Set<string>(), isDry: false, judge: noJudge, signal };
    const outcomes = await applyChanges({ ...layer, upper }, changes, options);
    return outcomes.map(({ result, conflict }) => conflict ?? result).sort();
  }
  const write = ({ upper }: Layer, path: string, content: string) => writeFileSync(join(upper, path), content);

  it('goes on from what was applied before it was made', async () => {
    write(copy, 'a', 'of the copy');
    expect(await results(copy, ['a'])).toEqual(['applied']);
    expect(ground.read('a')).toBe('of the copy');
  });

  it('takes nothing for ours that the host has touched since, though it has the same content', async () => {
    writeFileSync(join(ground.project, 'a'), 'of the host');
    writeFileSync(join(ground.project, 'b'), 'first');
    for (const path of ['a', 'b']) write(copy, path, 'of the copy');
    expect(await results(copy)).toEqual(['changed-outside', 'changed-outside']);
    expect([ground.read('a'), ground.read('b')]).toEqual(['of the host', 'first']);
  });

  it('is in conflict with what was applied of the other one since, both ways', async () => {
    write(ground.layer, 'a', 'later');
    expect(await results(ground.layer, ['a'])).toEqual(['applied']);
    for (const path of ['a', 'b']) write(copy, path, 'of the copy');
    expect(await results(copy, ['a'])).toEqual(['changed-outside']);
    expect(await results(copy, ['b'])).toEqual(['applied']);
    write(ground.layer, 'b', 'later');
    expect(await results(ground.layer, ['b'])).toEqual(['changed-outside']);
    expect([ground.read('a'), ground.read('b')]).toEqual(['later', 'of the copy']);
  });
});
