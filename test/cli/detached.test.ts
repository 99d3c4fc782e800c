import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, type Finished, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

const text = (result: Finished) => result.stdout.toString();

describe.each(engineKinds)('a session made by paddock create on %s', (kind) => {
  let place: Place;
  let id: string;

  beforeAll(async () => {
    place = await Place.make(kind);
    const created = await paddock(place, [
      'create',
      '--json',
      '--project',
      place.project,
      '--workspace',
      'rw',
      '--name',
      'mine',
    ]);
    expect(created.stderr).toBe('');
    id = document(created)['sessionId'] as string;
  });

  afterAll(async () => {
    await paddock(place, ['rm', '--all']);
    // The keeper ends by itself, a few seconds after the last session that it held.
    const nothing = async () => expect(await leftOvers(place, [kind])).toEqual([]);
    await vi.waitFor(nothing, { timeout: 30_000, interval: 250 });
    await place[Symbol.asyncDispose]();
  });

  it('outlives its command and is used by others, one after the other and together', async () => {
    const write = await paddock(place, ['exec', id, '--', 'sh', '-c', 'cat > /tmp/kept; cat /tmp/kept'], {
      stdin: 'from one\n',
    });
    expect([write.status, text(write)]).toEqual([0, 'from one\n']);
    const both = await Promise.all(
      [1, 2].map((n) => paddock(place, ['exec', id, '--', 'sh', '-c', `cat /tmp/kept; exit ${n}`])),
    );
    expect(both.map((one) => [one.status, text(one)])).toEqual([
      [1, 'from one\n'],
      [2, 'from one\n'],
    ]);
    const json = await paddock(place, ['exec', '--json', id, '--', 'sh', '-c', 'echo out']);
    expect(document(json)).toMatchObject({ sessionId: id, exitCode: 0, stdout: { text: 'out\n' } });
  });

  it('is listed and inspected', async () => {
    const list = document(await paddock(place, ['ps', '--json']));
    expect(list['sessions']).toMatchObject([
      { sessionId: id, name: 'mine', state: 'running', kind: 'detached', engine: kind },
    ]);
    expect(text(await paddock(place, ['ps']))).toMatch(new RegExp(`^${id} +running +detached +host `, 'm'));
    const inspected = await paddock(place, ['inspect', '--json', id]);
    expect(document(inspected)).toMatchObject({ id, state: 'running', kind: 'detached' });
    const record = JSON.parse(await readFile(`${place.stateDir}/sessions/${id}.json`, 'utf8')) as { nonce: string };
    expect(text(inspected)).not.toContain(record.nonce);
    expect(text(await paddock(place, ['inspect', id]))).toMatch(/^seccomp +enforced/m);
  });

  it('keeps a log of what was printed, with nothing in it that a terminal would act on', async () => {
    await paddock(place, ['exec', id, '--', 'printf', 'clear\u001b[2Jscreen\n']);
    const shown = text(await paddock(place, ['logs', id]));
    expect(shown).toContain('clear\\u{1b}[2Jscreen');
    expect(shown).not.toContain('\u001b');
    expect(document(await paddock(place, ['logs', '--json', id]))).toMatchObject({ sessionId: id, cut: false });
  });

  it('is left alone by prune', async () => {
    const pruned = document(await paddock(place, ['prune', '--json']));
    expect(pruned).toMatchObject({ removed: [], kept: [{ sessionId: id, why: 'not-expired' }] });
    expect((await paddock(place, ['exec', id, '--', 'true'])).status).toBe(0);
  });

  it('is removed once, and is unknown from then on', async () => {
    const first = await paddock(place, ['rm', id]);
    expect([first.status, text(first)]).toEqual([0, `${id} removed\n`]);
    const second = await paddock(place, ['rm', '--json', id]);
    expect([second.status, document(second)]).toMatchObject([
      6,
      { sessions: [{ error: { code: 'NO_SUCH_SESSION' } }] },
    ]);
    for (const args of [
      ['exec', '--json', id, '--', 'true'],
      ['inspect', '--json', id],
      ['logs', '--json', id],
    ]) {
      const result = await paddock(place, args);
      expect([args[0], result.status, document(result)]).toMatchObject([
        args[0],
        args[0] === 'exec' ? 125 : 6,
        { error: { code: 'NO_SUCH_SESSION', exitCode: 6 } },
      ]);
    }
    expect((await paddock(place, ['rm', '--all'])).status).toBe(0);
  });

  it('is in an audit log that verifies, is listed and exported', async () => {
    const verified = await paddock(place, ['audit', 'verify', '--json']);
    expect([verified.status, document(verified)]).toMatchObject([0, { ok: true, openIntents: 0 }]);
    expect(text(await paddock(place, ['audit', 'verify']))).toContain('verifies');
    const tail = text(await paddock(place, ['audit', 'tail', '--lines', '5']))
      .trim()
      .split('\n');
    expect(tail.map((line) => typeof JSON.parse(line))).toEqual(Array.from({ length: 5 }, () => 'object'));
    const { entries } = document(await paddock(place, ['audit', 'export', '--json', '--session', id])) as {
      entries: unknown[];
    };
    expect(entries.length).toBeGreaterThan(4);
    expect(JSON.stringify(entries)).not.toContain('from one');
  });
});

describe('a session of a live podman server', () => {
  it('is shown by ps and cannot be removed by anyone else', async () => {
    await using place = await Place.make('podman');
    await using mcp = await McpClient.start(place);
    const id = await mcp.create({ workspace: 'none' });
    expect(document(await paddock(place, ['ps', '--json']))['sessions']).toMatchObject([
      { sessionId: id, kind: 'attached', state: 'running', ownerPid: mcp.pid },
    ]);
    const removed = await paddock(place, ['rm', '--json', id]);
    const next = expect.stringContaining(`paddock update ${id} --ends-in 1s`) as string;
    expect([removed.status, document(removed)]).toMatchObject([
      6,
      { sessions: [{ error: { code: 'SESSION_NOT_YOURS', next } }] },
    ]);
    const told = await paddock(place, ['rm', id]);
    expect([told.status, text(told)]).toEqual([6, expect.stringMatching(/: SESSION_NOT_YOURS: .*\n {2}next: \S/)]);
    await paddock(place, ['rm', '--all']);
    await paddock(place, ['prune']);
    expect((await mcp.call('execute_command', { sessionId: id, argv: ['true'] })).structured['exitCode']).toBe(0);
  });
});

describe('an audit log that somebody changed', () => {
  it('is found out, with the line', async () => {
    await using place = await Place.make('podman');
    await paddock(place, ['run', '--', 'true']);
    const lines = (await readFile(place.auditLog, 'utf8')).split('\n');
    await writeFile(
      place.auditLog,
      lines.map((line, i) => (i === 2 ? line.replace('"v":1', '"v":1 ') : line)).join('\n'),
    );
    const verified = await paddock(place, ['audit', 'verify', '--json']);
    expect([verified.status, document(verified)]).toMatchObject([8, { ok: false, firstBad: { line: 3 } }]);
  });
});
