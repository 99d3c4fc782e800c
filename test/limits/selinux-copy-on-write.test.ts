import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireLayer } from '../../src/session/layers.js';
import type { Session } from '../../src/session/session.js';
import { applyChanges } from '../../src/workspace/apply/apply.js';
import { changesOf } from '../../src/workspace/changes/changes-of.js';
import { removeWriteLayer } from '../../src/workspace/write-layer.js';
import { engineKinds } from '../engine/support/engines.js';
import { builtInit, refused, Stage, said } from '../engine/support/stage.js';
import { isHere, need, outsideOf } from './support/selinux.js';

const labelsBelow = (folder: string) => outsideOf('find', folder, '-printf', '%Z\n').split('\n');
const labelOf = (path: string) => outsideOf('find', path, '-maxdepth', '0', '-printf', '%Z');

/** The pair that its engine chose for it. */
function categoriesOf({ sandbox }: Session): string {
  const label = readFileSync(`/proc/${sandbox.handle.initPid}/attr/current`, 'utf8');
  return /:s0:(c\d+,c\d+)/.exec(label)?.[1] ?? 'none';
}

describe.each(engineKinds)('a copy-on-write project where selinux enforces, on a real rootless %s', (kind) => {
  let stage: Stage;
  let project: string;
  let session: Session;
  beforeAll(async () => {
    if (!isHere) return;
    stage = await Stage.open(kind, { policy: { require: ['selinux'] } });
    project = await stage.project();
    await mkdir(join(project, 'src/deep'), { recursive: true });
    for (const name of ['changed', 'removed', 'moved', 'src/one', 'src/deep/two']) {
      await writeFile(join(project, name), `${name}\n`);
    }
    session = await stage.create({ projectPath: project, workspace: 'cow', disk: '64m', keepChanges: '1d' });
  });
  afterAll(async () => {
    if (isHere) await stage[Symbol.asyncDispose]();
  });

  it('is read and written, though no label of the user’s is one of containers, and none is changed', async (context) => {
    need(context);
    const before = outsideOf('find', project, '-printf', '%P %Z %i %T@ %C@\n');
    expect(labelsBelow(project).filter((label) => label.includes(':container_file_t:'))).toEqual([]);
    const work = [
      'echo more >>changed && rm removed && mv moved src/moved && echo new >new && ln -s new link && ln new hard',
      'rm -r src/deep && mkdir src/deep && echo three >src/deep/three && chmod 700 src && chmod +x src/one',
      'cp /usr/bin/true own && ./own && mkfifo pipe && flock src true && mv src other && mkdir src',
    ];
    for (const line of work) await said(session, line);
    expect(await said(session, 'cat changed new hard other/deep/three other/moved hello.txt')).toBe(
      'changed\nmore\nnew\nnew\nthree\nmoved\nhello',
    );
    expect(outsideOf('find', project, '-printf', '%P %Z %i %T@ %C@\n')).toBe(before);
  });

  it('is an overlay with the label and the categories of that very sandbox, on the running container', (context) => {
    need(context);
    const { evidence, initPid } = session.sandbox.handle;
    expect(evidence.controls.find(({ id }) => id === 'mounts')).toMatchObject({ status: 'enforced' });
    expect(evidence.controls.find(({ id }) => id === 'selinux')).toMatchObject({ status: 'enforced' });
    const shown = readFileSync(`/proc/${initPid}/mountinfo`, 'utf8')
      .split('\n')
      .find((l) => l.includes(' /workspace '));
    expect(shown).toContain(`container_file_t:s0:${categoriesOf(session)}"`);
  });

  it('leaves what is written with a label that no other sandbox may use, for the host to review, and to apply with the project’s', async (context) => {
    need(context);
    const { layer } = await requireLayer(stage.store, session.id);
    // Those that the overlay made have the label of the sandbox, with its categories; the folder itself has the one of the state folder.
    const open = labelsBelow(layer.upper).filter((label) => label.includes(':container_file_t:'));
    expect(open.length).toBeGreaterThan(0);
    expect(open.filter((label) => !label.endsWith(`:s0:${categoriesOf(session)}`))).toEqual([]);
    const { signal } = new AbortController();
    const { changes } = await changesOf(layer, { program: builtInit, signal });
    expect(changes.map(({ kind: what, path, from }) => [what, path, from].join(' ').trim())).toEqual(
      expect.arrayContaining(['modified changed', 'added new', 'added link', 'deleted removed', 'added pipe']),
    );
    const chosen = changes.filter(({ path }) => ['changed', 'new'].includes(path));
    const options = { all: changes, overwrite: new Set<string>(), isDry: false, signal };
    const outcomes = await applyChanges(layer, chosen, {
      ...options,
      judge: { concerns: () => false, judge: () => undefined },
    });
    expect(outcomes).toMatchObject([{ result: 'applied' }, { result: 'applied' }]);
    expect(await readFile(join(project, 'changed'), 'utf8')).toBe('changed\nmore\n');
    expect(new Set(['changed', 'new'].map((name) => labelOf(join(project, name))))).toEqual(
      new Set([labelOf(join(project, 'hello.txt'))]),
    );
  });

  it('lets no file be given another label inside', async (context) => {
    need(context);
    expect(await refused(session, 'chcon -t bin_t changed')).toMatch(/not supported|denied/i);
    expect(await said(session, 'ls -Z changed')).toContain(':container_file_t:');
  });

  it('is refused where it would have to be copied: what a label changes can not be told from what a session does', async (context) => {
    need(context);
    await using copying = await Stage.open(kind, { copyOnWrite: 'copy' });
    const copied = copying.create({ projectPath: await copying.project(), workspace: 'cow' });
    await expect(copied).rejects.toMatchObject({
      code: 'WORKSPACE_UNAVAILABLE',
      message: expect.stringContaining('SELinux'),
    });
  });

  it('keeps what was written after the end of the session', async (context) => {
    need(context);
    await stage.sessions.destroy(session.id);
    const { layer, note } = await requireLayer(stage.store, session.id);
    expect(note.kept?.bytes).toBeGreaterThan(0);
    expect(await readFile(join(layer.upper, 'other/deep/three'), 'utf8')).toBe('three\n');
    await removeWriteLayer(layer.folder);
  });
});
