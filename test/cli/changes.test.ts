import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { OnTerminal } from '../e2e/support/terminal.js';
import { engineKinds } from '../engine/support/engines.js';

describe.each(engineKinds)('the changes of a session, from a shell, on %s', (kind) => {
  it('are shown, applied as far as they are named, kept after its end, and discarded', async () => {
    await using place = await Place.make(kind);
    const call = async (...args: string[]) => document(await paddock(place, [...args, '--json']));
    const cow = ['--project', place.project, '--workspace', 'cow'];
    const { sessionId } = await call('create', ...cow);
    const id = String(sessionId);
    const work =
      'echo more >>hello.txt; mkdir -p .git/hooks src; echo evil >.git/hooks/pre-commit; echo new >src/a; echo b >src/b';
    expect((await paddock(place, ['exec', id, '--', 'sh', '-c', work])).status).toBe(0);

    const shown = await paddock(place, ['changes', id, '--diff']);
    expect(String(shown.stdout)).toMatch(/^\+more$/m);
    expect((await call('changes', id))['summary']).toMatchObject({
      counts: { modified: 1 },
      withheld: expect.any(Number),
    });
    const applied = await call('apply', id, 'src/a', 'hello.txt');
    expect(applied).toMatchObject({ applied: expect.any(Array) });
    expect(readFileSync(join(place.project, 'hello.txt'), 'utf8')).toBe('hello\nmore\n');
    expect(readFileSync(join(place.project, 'src/a'), 'utf8')).toBe('new\n');
    await call('apply', id);
    expect(existsSync(join(place.project, 'src/b'))).toBe(true);
    expect(existsSync(join(place.project, '.git/hooks/pre-commit'))).toBe(false);

    const removed = await paddock(place, ['rm', id]);
    expect(String(removed.stdout)).toContain('is kept until');
    expect((await call('changes', '--all'))['sessions']).toMatchObject([{ sessionId: id, projectPath: place.project }]);
    expect(String((await paddock(place, ['changes', id])).stdout)).toContain('.git');
    expect((await paddock(place, ['discard', id])).status).toBe(0);
    expect((await call('changes', '--all'))['sessions']).toEqual([]);
    expect((await paddock(place, ['changes', id])).status).toBe(6);
  });

  it('are asked for one by one where somebody sits at a terminal, and nowhere else', async () => {
    await using place = await Place.make(kind);
    const work = 'echo a >a; echo b >b; echo x >Makefile; echo more >>hello.txt';
    const run = ['run', '--project', place.project, '--workspace', 'cow', '--keep', '--', 'sh', '-c', work];
    const id = /paddock changes (pdk_\w+)/.exec((await paddock(place, run)).stderr)?.[1] ?? '';
    const blind = await paddock(place, ['apply', '-i', id]);
    expect([blind.status, blind.stderr]).toEqual([2, expect.stringContaining('BAD_ARGUMENT')]);
    const ask = async (...answers: readonly string[]) => {
      await using screen = OnTerminal.start(place, ['apply', '-i', id]);
      await screen.see(/\] $/);
      for (const answer of answers.slice(0, -1)) await screen.typeAndSee(answer, /\] $/);
      screen.type(answers.at(-1) ?? '');
      return { ...(await screen.end()), shown: screen.shown };
    };
    for (const nothing of ['q\n', '\u0004', '\u0003']) {
      await ask('no\n', 'y\n', nothing);
      expect(existsSync(join(place.project, 'a'))).toBe(false);
    }
    const { status, shown } = await ask('y\n', 'yes\n', 'n\n', 'y\n', 'y\n');
    expect(status).toBe(0);
    expect(shown).toContain('WITHHELD: withheld.build');
    expect(shown).toContain('\u001b[32m+more');
    expect(['Makefile', 'a', 'b', 'hello.txt'].filter((name) => existsSync(join(place.project, name)))).toEqual([
      ...['Makefile', 'b', 'hello.txt'],
    ]);
    expect(readFileSync(join(place.project, 'hello.txt'), 'utf8')).toBe('hello\nmore\n');
    expect((await paddock(place, ['discard', id])).status).toBe(0);
  });

  it('of one command are told, and kept where that is asked for; snapshots and forks begin with them', async () => {
    await using place = await Place.make(kind);
    const call = async (...args: string[]) => document(await paddock(place, [...args, '--json']));
    const run = ['run', '--project', place.project, '--workspace', 'cow'];
    const once = await paddock(place, [...run, '--', 'sh', '-c', 'echo x >made; rm hello.txt']);
    expect(once.stderr).toContain('1 added, 1 deleted');
    expect(once.stderr).toContain('not kept');
    expect((await call('changes', '--all'))['sessions']).toEqual([]);
    const kept = await paddock(place, [...run, '--keep', '--', 'sh', '-c', 'echo x >made']);
    const id = /paddock changes (pdk_\w+)/.exec(kept.stderr)?.[1] ?? '';
    const snapshot = await call('snapshot', id, '--name', 'base');
    expect((await call('snapshots'))['snapshots']).toEqual([snapshot]);
    const seen = await paddock(place, ['run', '--snapshot', 'base', '--', 'cat', 'made', 'hello.txt']);
    expect(String(seen.stdout)).toBe('x\nhello\n');
    const fork = String((await call('fork', id))['sessionId']);
    await paddock(place, ['exec', fork, '--', 'sh', '-c', 'echo y >made']);
    expect((await call('compare', id, fork))['differences']).toEqual([
      { path: 'made', isSame: false, a: 'added', b: 'added' },
    ]);
    for (const gone of [
      ['rm', fork],
      ['discard', fork],
      ['discard', id],
      ['snapshots', '--rm', 'base'],
    ]) {
      expect([gone, (await paddock(place, gone)).status]).toEqual([gone, 0]);
    }
    expect(existsSync(join(place.project, 'made'))).toBe(false);
  });
});
