import { existsSync, lstatSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kit/clock.js';
import { dropLayer, layerOf, requireLayer } from '../../src/session/layers.js';
import type { Session } from '../../src/session/session.js';
import { viewSession } from '../../src/tools/views.js';
import { applyChanges } from '../../src/workspace/apply/apply.js';
import type { Review } from '../../src/workspace/changes/change.js';
import { changesOf } from '../../src/workspace/changes/changes-of.js';
import { engineKinds } from './support/engines.js';
import { builtInit, Stage, said } from './support/stage.js';

const { signal } = new AbortController();

/** A folder with all it holds, as far as anybody could change it. */
async function allOf(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder, { recursive: true })).sort();
  return names.map((name) => {
    const { mode, size, mtimeMs, ctimeMs, ino } = lstatSync(join(folder, name));
    return [name, mode, size, mtimeMs, ctimeMs, ino].join(' ');
  });
}

describe.each(engineKinds)('a project that is copied for its session, on a real rootless %s', (kind) => {
  let stage: Stage;
  let project: string;
  let session: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind, { copyOnWrite: 'copy' });
    project = await stage.project();
    await mkdir(join(project, 'src/deep'), { recursive: true });
    for (const name of ['kept', 'changed', 'removed', 'moved', 'touched', 'outside', 'src/one', 'src/deep/two']) {
      await writeFile(join(project, name), `${name}\n`);
    }
    await symlink('kept', join(project, 'link'));
    await chmod(join(project, 'src/one'), 0o750);
    await utimes(join(project, 'kept'), 1_000_000, 1_000_000);
    await chmod(project, 0o755);
    session = await stage.create({ projectPath: project, workspace: 'cow', disk: '64m', keepChanges: '1d' });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const review = async (): Promise<Review> => {
    const { layer } = await requireLayer(stage.store, session.id);
    return changesOf(layer, { program: builtInit, signal });
  };
  const lines = ({ changes }: Review) =>
    changes.map(({ kind: what, path, from }) => [what, path, from].join(' ').trim());

  it('shows it as it is, says so, and has it proven on the running container', async () => {
    expect(session.notes).toEqual([expect.stringMatching(/^the project was copied .*: 12 files and folders/)]);
    expect(viewSession(session, Date.now())).toMatchObject({ workspace: 'cow (copy)', projectPath: project });
    expect(await said(session, 'cat link src/deep/two; stat -c "%a %Y" src/one kept; readlink link')).toMatch(
      /^kept\nsrc\/deep\/two\n750 \d+\n\d+ 1000000\nkept$/,
    );
    const mounts = session.record.evidence?.controls.find(({ id }) => id === 'mounts');
    expect(mounts).toMatchObject({ status: 'enforced' });
    expect(lines(await review())).toEqual([]);
  });

  it('takes every change, and leaves the project as it was', async () => {
    const before = await allOf(project);
    await said(
      session,
      `echo more >>changed; rm removed; mv moved src/moved; echo new >new; touch touched; ln -sf changed link; chmod 700 src
      rm -r src/deep; mkdir src/deep; echo three >src/deep/three; chmod +x kept; mkdir -p a/b; echo c >a/b/c`,
    );
    expect(lines(await review())).toEqual([
      ...['added a', 'added a/b', 'added a/b/c', 'modified changed', 'mode kept', 'modified link', 'added new'],
      ...['deleted removed', 'mode src', 'added src/deep/three', 'deleted src/deep/two', 'renamed src/moved moved'],
    ]);
    expect(await allOf(project)).toEqual(before);
  });

  it('believes no mark that the session makes, and misses no change behind times that were set back', async () => {
    const script = `
import os
os.setxattr('src', 'user.overlay.opaque', b'y')
was = os.stat('outside')
open('outside', 'w').write('inside!\\n')
os.utime('outside', ns=(was.st_atime_ns, was.st_mtime_ns))`;
    await said(session, `python3 -c "${script}"`);
    const found = lines(await review());
    expect(found).toContain('modified outside');
    expect(found).not.toContain('deleted src/one');
  });

  it('has its changes applied, but not over what the host has changed since', async () => {
    await writeFile(join(project, 'outside'), 'by the host\n');
    await writeFile(join(project, 'unseen'), 'by the host\n');
    const { layer } = await requireLayer(stage.store, session.id);
    const { changes } = await review();
    expect(changes.some(({ path }) => path === 'unseen')).toBe(false);
    const chosen = changes.filter(({ path }) => ['changed', 'removed', 'outside'].includes(path));
    const options = { all: changes, overwrite: new Set<string>(), isDry: false, signal };
    const judge = { concerns: () => false, judge: () => undefined };
    const outcomes = await applyChanges(layer, chosen, { ...options, judge });
    expect(new Map(outcomes.map(({ path, result, conflict }) => [path, conflict ?? result]))).toEqual(
      new Map([
        ['changed', 'applied'],
        ['removed', 'applied'],
        ['outside', 'changed-outside'],
      ]),
    );
    expect(await readFile(join(project, 'changed'), 'utf8')).toBe('changed\nmore\n');
    expect(existsSync(join(project, 'removed'))).toBe(false);
    expect(await readFile(join(project, 'outside'), 'utf8')).toBe('by the host\n');
  });

  it('is kept after the end of the session where anything was changed, else not', async () => {
    const quiet = await stage.create({ projectPath: project, workspace: 'cow' });
    await said(quiet, 'cat kept >/dev/null; touch /tmp/x');
    await stage.sessions.destroy(quiet.id);
    expect(existsSync(stage.store.layerFolder(quiet.id))).toBe(false);
    await stage.sessions.destroy(session.id);
    expect((await layerOf(stage.store, session.id))?.note.kept?.bytes).toBeGreaterThan(0);
    expect(lines(await review())).toContain('added new');
    await dropLayer(stage.store.layerFolder(session.id), systemClock);
  });

  it('is refused where it is larger than the session may make the disk, and nothing stays', async () => {
    await writeFile(join(project, 'large'), Buffer.alloc(8 * 1024 * 1024, 1));
    const small = stage.create({ projectPath: project, workspace: 'cow', disk: '4m' });
    await expect(small).rejects.toMatchObject({ code: 'WORKSPACE_UNAVAILABLE' });
    expect(await readdir(stage.store.layersFolder)).toEqual([]);
    expect((await lstat(join(project, 'large'))).size).toBe(8 * 1024 * 1024);
  });
});
