import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layerOf } from '../../src/session/layers.js';
import type { Session } from '../../src/session/session.js';
import { removeWriteLayer } from '../../src/workspace/write-layer.js';
import { engineKinds } from './support/engines.js';
import { run, Stage, said } from './support/stage.js';

/** A folder with all it holds, as far as a command could change it. */
async function allOf(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder, { recursive: true })).sort();
  return Promise.all(
    names.map(async (name) => {
      const { mode, size, mtimeMs, ino } = await lstat(join(folder, name));
      return [name, mode, size, mtimeMs, ino].join(' ');
    }),
  );
}

describe.each(engineKinds)('a project that is shown copy-on-write, on a real rootless %s', (kind) => {
  let stage: Stage;
  let project: string;
  let session: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind);
    project = await stage.project();
    await mkdir(join(project, 'src/deep'), { recursive: true });
    for (const name of ['kept', 'changed', 'removed', 'moved', 'src/one', 'src/deep/two']) {
      await writeFile(join(project, name), `${name}\n`);
    }
    await symlink('kept', join(project, 'link'));
    session = await stage.create({ projectPath: project, workspace: 'cow', disk: '64m' });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('takes every change, shows it inside, and leaves the folder as it was', async () => {
    const before = await allOf(project);
    const work = [
      'echo more >>changed && rm removed && mv moved src/moved && echo new >new && ln -s new newlink',
      'rm -r src/deep && mkdir src/deep && echo three >src/deep/three && chmod 700 src && chmod +x kept',
    ];
    for (const line of work) await said(session, line);
    expect(
      (await said(session, 'find . -type f | sort; cat changed src/moved src/deep/three; readlink newlink')).split(
        '\n',
      ),
    ).toEqual([
      ...['./changed', './hello.txt', './kept', './new', './src/deep/three', './src/moved', './src/one'],
      ...['changed', 'more', 'moved', 'three', 'new'],
    ]);
    expect(await allOf(project)).toEqual(before);
    expect(await readFile(join(project, 'changed'), 'utf8')).toBe('changed\n');
  });

  it('has it proven on the running container, by the very layers', () => {
    const mounts = session.record.evidence?.controls.find(({ id }) => id === 'mounts');
    expect(mounts).toMatchObject({ status: 'enforced' });
    expect(session.record.writableRoots.map(({ source }) => source)).toEqual([
      join(stage.store.layerFolder(session.id), 'upper'),
    ]);
  });

  it('counts what is written against the disk of the session', async () => {
    expect(
      await run(
        session,
        'i=0; while [ $i -lt 100 ]; do i=$((i+1)); dd if=/dev/zero of=big$i bs=1M count=8 status=none; done',
      ),
    ).toMatchObject({ reason: 'disk-limit' });
    expect(existsSync(join(project, 'big1'))).toBe(false);
  });

  it('goes with the session where it is not to be kept, whatever was made of it', async () => {
    const other = await stage.create({ projectPath: project, workspace: 'cow', keepChanges: false });
    const hostile = `mkdir -p a/b/c closed/below && touch closed/below/file && chmod 0 closed/below closed
      printf x >"$(printf 'not\\377text')"; touch "$(printf 'line\\nbreak')"; ln -s /etc out; mkfifo pipe
      i=0; while [ $i -lt 400 ]; do mkdir abcdefghij && cd abcdefghij; i=$((i+1)); done; pwd -P | wc -c`;
    await run(other, hostile);
    const folder = stage.store.layerFolder(other.id);
    expect((await readdir(join(folder, 'upper'))).length).toBeGreaterThan(5);
    await stage.sessions.destroy(other.id);
    expect(existsSync(folder)).toBe(false);
    expect(existsSync('/etc/passwd')).toBe(true);
  });

  it('is kept after the end of the session, with what it is of', async () => {
    const other = await stage.create({ projectPath: project, workspace: 'cow', keepChanges: '2d', name: 'kept' });
    await said(other, 'echo more >>kept');
    await stage.sessions.destroy(other.id);
    const kept = await layerOf(stage.store, other.id);
    expect(kept?.note).toMatchObject({ name: 'kept', project: { source: project }, keepMs: 172_800_000 });
    expect(kept?.note.kept?.bytes).toBeGreaterThan(0);
    const folder = stage.store.layerFolder(other.id);
    expect((await readdir(folder)).sort()).toEqual(['layer.json', 'upper']);
    expect(await readFile(join(folder, 'upper/kept'), 'utf8')).toBe('kept\nmore\n');
    await removeWriteLayer(folder);
  });
});
