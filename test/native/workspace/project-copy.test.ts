import { chmodSync, linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApprovedMount } from '../../../src/workspace/approve.js';
import { isUntouchedCopy } from '../../../src/workspace/changes/copied-layer.js';
import type { Layer } from '../../../src/workspace/changes/layer.js';
import { copyProject } from '../../../src/workspace/project-copy.js';
import { tryOverlay } from '../../../src/workspace/try-overlay.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, link, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const mib = 1024 ** 2;
const { signal } = new AbortController();

describe('a copy of a project', () => {
  let trees: Trees;
  let layer: Layer;

  beforeEach(() => {
    trees = new Trees(programs);
    layer = { ...trees.layer, isCopy: true };
    trees.put('project', {
      ...{ same: file('same'), changed: file('one'), gone: file('gone'), l: link('same'), empty: folder({}, 0o750) },
      deep: folder({ below: folder({ file: file('below'), other: file('other') }), gone: folder({ x: file('x') }) }),
    });
  });
  afterEach(() => trees[Symbol.dispose]());

  const mount = (changes: Partial<ApprovedMount> = {}): ApprovedMount => ({
    ...{ ...layer.project, kind: 'folder', readOnly: true, submounts: [] },
    ...changes,
  });
  const copy = (project = mount(), limits = {}) =>
    copyProject(layer.folder, layer.upper, project, {
      ...{ program: programs.init, mostBytes: mib, mostEntries: 1000, signal },
      ...limits,
    });
  const at = (path: string) => join(layer.upper, path);
  const lines = async () => {
    const { changes, isComplete } = await trees.ofLayer(layer);
    return [...changes.map(({ kind, path }) => `${kind} ${path}`), ...(isComplete ? [] : ['and more'])];
  };

  it('differs in nothing at first, and then in what was done to it alone', async () => {
    expect(await copy()).toMatchObject({ entries: 11, leftOut: 0 });
    expect(await lines()).toEqual([]);
    expect(await isUntouchedCopy(layer, { program: programs.init })).toBe(true);
    writeFileSync(at('changed'), 'two');
    rmSync(at('gone'));
    rmSync(at('deep/gone'), { recursive: true });
    rmSync(at('deep/below/other'));
    writeFileSync(at('deep/below/new'), 'new');
    linkSync(at('same'), at('twin'));
    chmodSync(at('empty'), 0o700);
    expect(await lines()).toEqual([
      ...['modified changed', 'added deep/below/new', 'deleted deep/below/other', 'deleted deep/gone'],
      ...['deleted deep/gone/x', 'mode empty', 'deleted gone', 'added twin'],
    ]);
    expect(await isUntouchedCopy(layer, { program: programs.init })).toBe(false);
  });

  it('says nothing of what the host changes meanwhile and the session has not', async () => {
    await copy();
    trees.put('project', { same: file('by the host'), fresh: file('by the host') });
    rmSync(join(layer.project.source, 'deep/below/file'));
    expect(await lines()).toEqual([]);
  });

  it('takes no mark of the kernel for one, since a session can make them there', async () => {
    await copy();
    trees.put('upper', { forged: { type: 'gone' }, empty2: folder({ a: file('a') }) });
    const { changes } = await trees.ofLayer(layer);
    expect(changes).toMatchObject([
      { path: 'empty2' },
      { path: 'empty2/a' },
      { path: 'forged', kind: 'added', refused: 'type' },
    ]);
  });

  it('says when a folder was closed, and calls nothing in it gone', async () => {
    await copy();
    chmodSync(at('deep/below'), 0);
    expect((await lines()).filter((line) => line.startsWith('deleted'))).toEqual([]);
    expect(await isUntouchedCopy(layer, { program: programs.init })).toBe(false);
    chmodSync(at('deep/below'), 0o700);
  });

  it('counts as untouched where a crash came before it was whole, and as touched where it can not be looked at', async () => {
    expect(await isUntouchedCopy(layer, { program: programs.init })).toBe(true);
    await copy();
    expect(await isUntouchedCopy(layer, { program: '/nonexistent/init' })).toBe(false);
  });

  it('is refused where it is too large, where something is mounted in it, and where the folder is another by now', async () => {
    const below = { source: `${layer.project.source}/deep`, dev: '1', ino: '2', kind: 'folder' as const };
    await expect(copy(mount({ submounts: [below] }))).rejects.toMatchObject({ code: 'WORKSPACE_UNAVAILABLE' });
    await expect(copy(mount({ ino: '1' }))).rejects.toMatchObject({ code: 'WORKSPACE_UNAVAILABLE' });
    await expect(copy(mount(), { mostEntries: 5 })).rejects.toMatchObject({
      code: 'WORKSPACE_UNAVAILABLE',
      message: expect.stringContaining('more entries than may be copied'),
    });
  });
});

describe('the question whether an overlay can be had', () => {
  it('is answered by the kernel, and leaves neither a mount nor a file', async () => {
    using trees = new Trees(programs);
    trees.put('project', { file: file('x') });
    const scratch = join(trees.top, 'try');
    const ask = (project: string, program = programs.init) => tryOverlay(project, { program, scratch, signal });
    const { source } = trees.layer.project;
    // In a container or under a security module it may not be tried.
    expect(['yes', 'unknown']).toContain((await ask(source)).can);
    expect((await ask('/proc')).can).not.toBe('yes');
    const without = await ask(source, '/nonexistent/init');
    expect(without).toMatchObject({ can: 'unknown', why: expect.stringContaining('ENOENT') });
    // As a crash leaves it.
    mkdirSync(join(scratch, 'work/work'), { recursive: true });
    chmodSync(join(scratch, 'work/work'), 0);
    expect(['yes', 'unknown']).toContain((await ask(source)).can);
    expect(readdirSync(trees.top).sort()).toEqual(['project', 'upper']);
    expect(readdirSync(source)).toEqual(['file']);
  });
});
