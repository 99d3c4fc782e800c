import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenFolder } from '../../../src/kit/open-folder.js';
import type { Layer } from '../../../src/workspace/changes/layer.js';
import { copyChanges } from '../../../src/workspace/copy-changes.js';
import { type CopyOptions, copyChosen, layOver } from '../../../src/workspace/copy-layer.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { children } from './support/any-trees.js';
import { file, folder, gone, lines, link, opaque, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const options: CopyOptions = {
  ...{ program: programs.init, mostBytes: 1024 ** 2, mostEntries: 1000, signal: new AbortController().signal },
};

/** A copy of what was changed in a layer, in the form of an overlay's: its layer. */
async function exported(trees: Trees, from: Layer, name: string, limits: Partial<CopyOptions> = {}) {
  const upper = join(trees.top, name);
  mkdirSync(upper);
  await using to = await OpenFolder.at(upper);
  const copied = await copyChanges(from, to, { ...options, ...limits });
  const { folder: its, project, sinceNs } = from;
  return { layer: { folder: its, upper, project, sinceNs }, copied };
}

async function laid(upper: string, over: Layer) {
  await using from = await OpenFolder.at(upper);
  await using to = await OpenFolder.at(over.upper);
  return await layOver(from, to, options);
}

describe('what a session has changed in a copy of its project', () => {
  let trees: Trees;
  let copy: Layer;

  beforeEach(async () => {
    trees = new Trees(programs);
    trees.put('project', {
      ...{ same: file('same'), changed: file('one'), gone: file('gone'), mode: file('mode'), kind: file('kind') },
      deep: folder({ below: folder({ file: file('below'), other: file('other') }), gone: folder({ x: file('x') }) }),
      closed: folder({ inner: file('inner') }),
    });
    copy = await trees.copied('copy');
  });
  afterEach(() => trees[Symbol.dispose]());

  const at = (path: string) => join(copy.upper, path);
  const review = async (layer: Layer) => lines(await trees.ofLayer(layer));

  function change(): void {
    writeFileSync(at('changed'), 'two');
    for (const path of ['gone', 'deep/gone', 'deep/below/other', 'kind']) rmSync(at(path), { recursive: true });
    chmodSync(at('mode'), 0o755);
    mkdirSync(at('kind/of'), { recursive: true });
    writeFileSync(at('kind/of/folder'), 'x');
    writeFileSync(at('deep/below/new'), 'new');
  }

  it('is copied as an overlay would have it: that alone, and what is gone as marks', async () => {
    change();
    const { layer, copied } = await exported(trees, copy, 'out');
    expect(copied).toMatchObject({ leftOut: 0 });
    expect(await review(layer)).toEqual(await review(copy));
    expect(readdirSync(layer.upper).sort()).toEqual(['changed', 'deep', 'gone', 'kind', 'mode']);
    expect(readdirSync(join(layer.upper, 'deep/below')).sort()).toEqual(['new', 'other']);
    expect(lstatSync(join(layer.upper, 'gone')).isCharacterDevice()).toBe(true);
    const untouched = await exported(trees, await trees.copied('quiet'), 'nothing');
    expect(untouched.copied).toMatchObject({ entries: 0, bytes: 0, leftOut: 0 });
    expect(readdirSync(untouched.layer.upper)).toEqual([]);
  });

  it('is laid over another copy, and is changed there as well', async () => {
    change();
    const { layer } = await exported(trees, copy, 'out');
    const fork = await trees.copied('fork');
    await laid(layer.upper, fork);
    expect(await review(fork)).toEqual(await review(copy));
    expect(readFileSync(join(fork.upper, 'same'), 'utf8')).toBe('same');
    expect(readFileSync(join(fork.upper, 'kind/of/folder'), 'utf8')).toBe('x');
  });

  it('has no mark in it that the session itself has made', async () => {
    trees.put('upper', {});
    execFileSync(programs.mark, ['gone', at('forged')]);
    rmSync(at('same'));
    execFileSync(programs.mark, ['gone', at('same'), 'opaque', at('deep')]);
    writeFileSync(at('deep/new'), 'new');
    const { layer, copied } = await exported(trees, copy, 'out');
    expect(copied.leftOut).toBe(2);
    expect(await review(layer)).toEqual(['added deep/new']);
  });

  it('is not copied where not all of it can be looked at, and what is closed is counted', async () => {
    change();
    chmodSync(at('closed'), 0);
    const { layer, copied } = await exported(trees, copy, 'out');
    chmodSync(at('closed'), 0o700);
    expect(copied.leftOut).toBe(1);
    expect(await review(layer)).toContain('modified changed');
    expect(await review(layer)).not.toContain('deleted closed/inner');
    mkdirSync(at(Array<string>(200).fill('d').join('/')), { recursive: true });
    await expect(exported(trees, copy, 'deep')).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    rmSync(at('d'), { recursive: true });
    await expect(exported(trees, copy, 'much', { mostEntries: 3 })).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
  });

  it('is copied by single names alone, and by whole words', async () => {
    writeFileSync(join(trees.top, 'outside'), 'secret');
    await using from = await OpenFolder.at(copy.upper);
    mkdirSync(join(trees.top, 'out'));
    await using to = await OpenFolder.at(join(trees.top, 'out'));
    for (const plan of ['c../../outside', 'd..', 'c.', 'c', 'x', `c${'n'.repeat(300)}`]) {
      const copied = copyChosen(from, to, Buffer.from(`${plan}\0e\0`), options);
      await expect(copied, plan).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    }
    for (const plan of ['', 'csame', 'csame\0', 'ddeep\0e\0']) {
      const copied = copyChosen(from, to, Buffer.from(plan), options);
      await expect(copied, plan).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
      for (const name of readdirSync(join(trees.top, 'out'))) rmSync(join(trees.top, 'out', name), { recursive: true });
    }
    // What has become something else since it was listed.
    const changed = await copyChosen(
      from,
      to,
      Buffer.from('cdeep\0dsame\0cinner\0e\0dnone\0e\0cmissing\0e\0'),
      options,
    );
    expect(changed.leftOut).toBe(2);
    expect(readdirSync(join(trees.top, 'out'))).toEqual([]);
  });
});

describe('what an overlay has taken', () => {
  it('is laid over a copy of the project, whatever permissions are in the way', async () => {
    using trees = new Trees(programs);
    trees.put('project', {
      ...{ shut: folder({ a: file('a'), b: folder({ c: file('c') }, 0o500) }, 0o500), old: folder({ x: file('x') }) },
      ...{ link: link('shut'), was: folder({ y: file('y') }), top: file('top') },
    });
    trees.put('upper', {
      ...{ shut: folder({ a: gone, b: gone, d: file('d') }), old: opaque({ new: file('new') }) },
      ...{ link: folder({ z: file('z') }), was: file('file now'), top: link('was') },
    });
    chmodSync(join(trees.layer.upper, 'shut'), 0o500);
    const copy = await trees.copied('copy');
    await laid(trees.layer.upper, copy);
    expect(lines(await trees.ofLayer(copy))).toEqual(lines(await trees.review()));
    expect(lstatSync(join(copy.upper, 'shut')).mode & 0o777).toBe(0o500);
    expect(readdirSync(join(copy.upper, 'shut'))).toEqual(['d']);
    for (const one of ['project', 'upper', 'copy/upper']) {
      execFileSync('chmod', ['-R', 'u+w', join(trees.top, one)]);
    }
  });

  it('is the same however often it is copied from one form into the other, for any tree', async () => {
    await fc.assert(
      fc.asyncProperty(children(false, 2), children(true, 2), async (project, upper) => {
        using trees = new Trees(programs).put('project', project).put('upper', upper);
        const expected = lines(await trees.review());
        const copy = await trees.copied('copy');
        await laid(trees.layer.upper, copy);
        expect(lines(await trees.ofLayer(copy))).toEqual(expected);
        const { layer, copied } = await exported(trees, copy, 'out');
        expect(copied.leftOut).toBe(0);
        expect(lines(await trees.ofLayer(layer))).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });
});
