import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { OnTerminal } from '../e2e/support/terminal.js';
import { engineKinds } from '../engine/support/engines.js';

describe.each(engineKinds)('paddock cp, on %s', (kind) => {
  it('copies as cp does, both ways and through streams, and ends with 1 when something was left out', async () => {
    await using place = await Place.make(kind);
    const created = await paddock(place, ['create', '--project', place.project, '--workspace', 'cow', '--json']);
    const id = String(document(created)['sessionId']);
    const inside = async (line: string) => {
      const done = await paddock(place, ['exec', id, '--', 'sh', '-c', line]);
      return String(done.stdout);
    };
    const cp = (...args: string[]) => paddock(place, ['cp', ...args]);
    mkdirSync(join(place.project, 'dir'));
    writeFileSync(join(place.project, 'dir/a'), 'one\n');

    // Relative paths are those of our working directory, and of the session's.
    expect((await cp('dir', `${id}:copied`)).status).toBe(0);
    expect(await inside('cat copied/a')).toBe('one\n');
    expect((await cp('dir/.', `${id}:/tmp`)).status).toBe(0);
    expect(await inside('cat /tmp/a; echo two >copied/b')).toBe('one\n');
    const out = await cp(`${id}:copied`, place.root, '--json');
    expect(document(out)).toMatchObject({ sessionId: id, direction: 'out', entries: 3, bytes: 8, leftOut: [] });
    expect(readFileSync(join(place.root, 'copied/b'), 'utf8')).toBe('two\n');

    const again = await cp(`${id}:copied/a`, join(place.root, 'copied/a'));
    expect([again.status, again.stderr]).toEqual([7, expect.stringContaining('FILE_EXISTS')]);
    const partly = await cp(`${id}:copied`, place.root);
    expect([partly.status, String(partly.stdout)]).toEqual([1, expect.stringContaining('left out: a (exists)')]);
    expect((await cp(`${id}:copied`, place.root, '--overwrite')).status).toBe(0);

    const archive = await cp(`${id}:copied`, '-');
    expect(archive.status).toBe(0);
    const untar = join(place.root, 'untar');
    mkdirSync(untar);
    execFileSync('tar', ['-x', '-C', untar], { input: archive.stdout });
    expect(readFileSync(join(untar, 'copied/b'), 'utf8')).toBe('two\n');
    const sent = await paddock(place, ['cp', '-', `${id}:/tmp`], { stdin: archive.stdout });
    expect(sent.status).toBe(0);
    expect(await inside('cat /tmp/copied/b')).toBe('two\n');

    await inside('mkdir -p w/.vscode; echo evil >w/.vscode/tasks.json');
    expect((await cp(`${id}:w`, place.root)).status).toBe(1);
    expect(existsSync(join(place.root, 'w/.vscode'))).toBe(false);
    expect((await cp(`${id}:w/.`, join(place.root, 'w'), '--named', '.vscode/tasks.json')).status).toBe(1);
    expect(existsSync(join(place.root, 'w/.vscode/tasks.json'))).toBe(true);

    expect((await cp('dir', 'other')).status).toBe(2);
    expect((await cp(`${id}:missing`, place.root)).status).toBe(7);
    expect((await cp(`${id}:copied`, '-', '--json')).status).toBe(2);
    expect((await paddock(place, ['rm', id])).status).toBe(0);
    await paddock(place, ['discard', id]);
  });

  it('shows on a terminal how far it is within one large file, and leaves no half of that when it is interrupted', async () => {
    await using place = await Place.make(kind);
    const id = String(document(await paddock(place, ['create', '--json']))['sessionId']);
    await paddock(place, ['exec', id, '--', 'truncate', '-s', '3G', '/tmp/long']);
    const to = join(place.root, 'to');
    mkdirSync(to);
    await using screen = OnTerminal.start(place, ['cp', `${id}:/tmp/long`, to]);
    await screen.see(/0 entries, [\d.]+ MiB/);
    screen.type('\u0003');
    expect(await screen.end()).toEqual({ status: 130, areModesRestored: true });
    expect(screen.shown).toContain('INTERRUPTED');
    expect(readdirSync(to)).toEqual([]);
    await paddock(place, ['rm', id]);
  });
});
