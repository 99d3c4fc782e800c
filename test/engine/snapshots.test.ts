import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kit/clock.js';
import { SessionCopies } from '../../src/session/changes/session-copies.js';
import { shownReview } from '../../src/session/changes/shown-review.js';
import { dropLayer, requireLayer } from '../../src/session/layers.js';
import type { Session } from '../../src/session/session.js';
import { Snapshots } from '../../src/session/snapshots.js';
import { DiscardMarks } from '../../src/workspace/apply/discarded.js';
import { changesOf } from '../../src/workspace/changes/changes-of.js';
import { engineKinds } from './support/engines.js';
import { builtInit, Stage, said } from './support/stage.js';

const ways = engineKinds.flatMap((kind) => (['overlay', 'copy'] as const).map((way) => [kind, way] as const));

describe.each(ways)('snapshots and forks of sessions of a real rootless %s, by %s', (kind, copyOnWrite) => {
  let stage: Stage;
  let project: string;
  let session: Session;
  let copies: SessionCopies;
  const { signal } = new AbortController();

  beforeAll(async () => {
    stage = await Stage.open(kind, { copyOnWrite });
    project = await stage.project();
    const { source: program } = stage.maker.init;
    const folder = join(stage.folder, 'snapshots');
    const snapshots = new Snapshots({ folder, program, clock: systemClock, audit: stage.audit });
    copies = new SessionCopies({ store: stage.store, snapshots, limits: stage.policy, program, clock: systemClock });
    const env = { TOKEN: 'kept' };
    session = await stage.create({
      projectPath: project,
      workspace: 'cow',
      memory: '300m',
      env,
      name: 'first',
      keepChanges: false,
    });
    await said(session, 'rm hello.txt && mkdir sub && echo one >sub/file && chmod 750 sub && echo gone >later');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('begin another session, with what is gone being gone, while the first goes on by itself', async () => {
    const snapshot = await copies.snapshot(session.id, { name: 'base', keepMs: 60_000, signal });
    expect(snapshot).toMatchObject({ name: 'base', entries: 4, leftOut: 0 });
    await said(session, 'echo two >sub/file; rm later');
    const { request, origin } = await copies.startFrom('base', { keepChanges: false });
    const other = await stage.sessions.create(request, signal, { origin });
    expect(await said(other, 'ls -A; stat -c %a sub; cat sub/file later')).toBe('later\nsub\n750\none\ngone');
    expect(await said(session, 'ls -A; cat sub/file')).toBe('sub\ntwo');
    expect(await readFile(join(project, 'hello.txt'), 'utf8')).not.toBe('');
    await stage.sessions.destroy(other.id);
  });

  it('are forked with image, limits and variables, and held against each other', async () => {
    const { env, limits } = session.sandbox.handle.spec;
    const { request, origin } = await copies.startFork(session.id, env);
    const fork = await stage.sessions.create({ ...request, name: 'second' }, signal, { origin });
    expect(fork.record).toMatchObject({
      name: 'second',
      spec: { workspace: 'cow', limits: { memoryBytes: limits.memoryBytes } },
    });
    expect(await said(fork, 'echo $TOKEN; cat sub/file')).toBe('kept\ntwo');
    expect((await copies.compare(session.id, fork.id, signal)).differences.filter((one) => !one.isSame)).toEqual([]);
    await said(fork, 'echo three >sub/file; echo new >new; echo back >hello.txt');
    const { differences } = await copies.compare(session.id, fork.id, signal);
    expect(differences.map(({ path, a, b, isSame }) => [path, a?.kind, b?.kind, isSame])).toEqual([
      ['hello.txt', 'deleted', 'modified', false],
      ['new', undefined, 'added', false],
      ['sub', 'added', 'added', true],
      ['sub/file', 'added', 'added', false],
    ]);
    await stage.sessions.destroy(fork.id);
  });

  it('begin with what was left when a session ended, and without what was discarded', async () => {
    const base = stage.create({ projectPath: await stage.project(), workspace: 'cow', keepChanges: '1d' });
    const { id } = await base;
    await said(await base, 'echo kept >kept; echo no >no');
    const { layer } = await requireLayer(stage.store, id);
    const { changes } = await changesOf(layer, { program: builtInit, signal });
    await (await DiscardMarks.of(layer.folder)).add(changes.filter(({ path }) => path === 'no'));
    await stage.sessions.destroy(id);
    const { request, origin } = await copies.startFork(id);
    const fork = await stage.sessions.create({ ...request, keepChanges: false }, signal, { origin });
    expect(await said(fork, 'cat kept hello.txt')).toBe('kept\nhello');
    const forked = (await requireLayer(stage.store, fork.id)).layer;
    const shown = await shownReview(forked, await changesOf(forked, { program: builtInit, signal }));
    expect(shown.changes.map(({ path }) => path)).toEqual(['kept']);
    expect(fork.notes.some((note) => note.includes('copied'))).toBe(copyOnWrite === 'copy');
    await stage.sessions.destroy(fork.id);
    await dropLayer(stage.store.layerFolder(id), systemClock);
  });

  it('are refused over another project, or without one', async () => {
    const { origin } = await copies.startFork(session.id);
    const other = await stage.project();
    for (const request of [{ projectPath: other, workspace: 'cow' }, { projectPath: project, workspace: 'ro' }, {}]) {
      await expect(stage.sessions.create(request, signal, { origin })).rejects.toMatchObject({
        ruleId: 'workspace.origin',
      });
    }
  });
});
