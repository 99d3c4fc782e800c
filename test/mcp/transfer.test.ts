import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { McpClient } from '../e2e/support/client.js';
import { ClientPlace } from '../e2e/support/client-place.js';
import type { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

const [kind = 'podman'] = engineKinds;

describe(`a client that copies files into and out of a session on ${kind}`, () => {
  let opened: ClientPlace;
  let place: Place;
  let mcp: McpClient;
  let sessionId: string;
  /** Beside the project, and without Paddock's own folders in it. */
  let area: string;

  beforeAll(async () => {
    opened = await ClientPlace.open(kind);
    ({ place, mcp } = opened);
    area = join(place.root, 'area');
    mkdirSync(area);
    sessionId = await mcp.create({ projectPath: place.project, workspace: 'cow' });
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  const copy = (direction: 'in' | 'out', hostPath: string, path: string, more: object = {}) =>
    mcp.call('transfer_files', { sessionId, direction, hostPath, path, ...more });
  const inside = (command: string) => mcp.call('execute_command', { sessionId, command });

  it('gets both halves of the result complete, and the copy in the audit log by its digest', async () => {
    const source = join(area, 'given');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'sub/a'), 'hello');
    const sent = await copy('in', source, 'given');
    expect(sent.structured).toMatchObject({ entries: 3, bytes: 5, leftOut: [], moreLeftOut: 0, hostPath: source });
    expect(sent.text).toContain('3 entries, 5 bytes');
    expect(sent.text).toContain(sent.structured['sha256']);
    const got = await copy('out', join(area, 'got'), 'given');
    expect(got.structured['sha256']).toBe(sent.structured['sha256']);
    expect(readFileSync(join(area, 'got/sub/a'), 'utf8')).toBe('hello');
    const lines = (await place.audit()).filter(({ action }) => action === 'files.transfer');
    expect(lines).toMatchObject([
      { phase: 'intent', session: sessionId, details: { direction: 'in' } },
      {
        phase: 'outcome',
        result: 'ok',
        details: { entries: 3, content: { bytes: 5, sha256: sent.structured['sha256'] } },
      },
      { phase: 'intent', details: { direction: 'out', overwrite: false } },
      { phase: 'outcome', result: 'ok', details: { left: 0 } },
    ]);
    expect(JSON.stringify(lines)).not.toContain(place.root);
  });

  it('may copy from and to nowhere but below the allowed roots, whatever names or links say', async () => {
    await inside('echo x >x');
    for (const [hostPath, rule] of [
      ['/etc', 'workspace.system-folder'],
      [place.env['HOME'] ?? '', 'workspace.home'],
      [join(place.env['HOME'] ?? '', '.of-nobody'), 'workspace.home'],
      ['relative', 'workspace.form'],
      [place.stateDir, 'workspace.private-folder'],
      [join(place.stateDir, 'x'), 'workspace.private-folder'],
    ] as const) {
      for (const direction of ['in', 'out'] as const) {
        const answer = await copy(direction, hostPath, 'x');
        const isMissing = direction === 'in' && /\/(x|\.of-nobody)$/.test(hostPath);
        expect([hostPath, direction, answer.code, answer.ruleId]).toEqual(
          isMissing ? [hostPath, direction, 'BAD_ARGUMENT', undefined] : [hostPath, direction, 'POLICY_DENIED', rule],
        );
      }
    }
    const denials = (await place.audit()).filter(({ verdict }) => verdict === 'deny');
    expect(denials.map(({ rule }) => rule)).toContain('workspace.system-folder');
  });

  it('replaces nothing and plants nothing without being told to', async () => {
    const to = join(area, 'kept');
    mkdirSync(to);
    writeFileSync(join(to, 'a'), 'mine');
    await inside('mkdir -p w/.git/hooks; echo theirs >w/a; echo evil >w/.git/hooks/pre-commit; echo evil >w/Makefile');
    const first = await copy('out', to, 'w/.');
    expect(first.structured['leftOut']).toEqual(
      expect.arrayContaining([
        { path: 'a', why: 'exists' },
        { path: '.git', why: 'withheld.git' },
        { path: 'Makefile', why: 'withheld.build' },
      ]),
    );
    expect(first.text).toContain('(withheld.git)');
    expect(readFileSync(join(to, 'a'), 'utf8')).toBe('mine');
    expect(existsSync(join(to, '.git'))).toBe(false);
    expect(await copy('out', join(to, 'a'), 'w/a')).toMatchObject({ code: 'FILE_EXISTS' });
    expect(await copy('out', join(to), 'w/Makefile')).toMatchObject({
      code: 'POLICY_DENIED',
      ruleId: 'withheld.build',
    });
    const second = await copy('out', to, 'w/.', { overwrite: true, named: ['Makefile'] });
    expect(second.isError).toBe(false);
    expect(readFileSync(join(to, 'a'), 'utf8')).toBe('theirs\n');
    expect(existsSync(join(to, 'Makefile'))).toBe(true);
    expect(existsSync(join(to, '.git'))).toBe(false);
  });

  /** Nobody waits until that much is copied. */
  const begunWithLarge = async (name: string) => {
    await inside('truncate -s 3G long');
    const to = join(area, name);
    mkdirSync(to);
    const begun = await copy('out', to, 'long', { background: true });
    expect(begun.structured).toMatchObject({ state: 'running', path: 'long', hostPath: to });
    return { to, commandId: String(begun.structured['commandId']) };
  };

  it('goes on with other things while a copy runs, hears how far it is, and reads what it came to', async () => {
    const source = join(area, 'many');
    mkdirSync(source);
    for (let at = 0; at < 200; at += 1) writeFileSync(join(source, `file${at}`), `${at}\n`);
    const { structured: begun } = await copy('in', source, 'many', { background: true });
    expect(begun).toMatchObject({ state: 'running', direction: 'in' });
    const { commandId } = begun;
    const read = await mcp.call('get_command', { sessionId, commandId, waitMs: 45_000 });
    expect(read.structured).toMatchObject({
      ...{ state: 'finished', commandId },
      transfer: { entries: 201, leftOut: [], sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect((await inside('ls many | wc -l')).structured['stdout']).toBe('200\n');
    const { structured: again } = await mcp.call('get_command', { sessionId, commandId });
    expect(again).toEqual({ ...read.structured, more: false });
    const wrong = await mcp.call('get_command', { sessionId, commandId: `trf_${'a'.repeat(16)}` });
    expect(wrong).toMatchObject({ isError: true, code: 'NO_SUCH_COMMAND' });
  });

  it('stops a copy, or loses it with the session, and finds nothing half copied', async () => {
    const { to, commandId } = await begunWithLarge('stopped');
    await expect.poll(() => readdirSync(to)).toEqual([expect.stringMatching(/^\.paddock-/)]);
    const stopped = await mcp.call('stop_command', { sessionId, commandId });
    expect(stopped.structured).toMatchObject({ state: 'failed', error: { code: 'INTERRUPTED' } });
    expect(readdirSync(to)).toEqual([]);
    const { structured: read } = await mcp.call('get_command', { sessionId, commandId, waitMs: 1000 });
    expect(read).toMatchObject({ state: 'failed', transfer: { path: 'long' } });

    const ended = await mcp.create({ projectPath: place.project, workspace: 'none' });
    await mcp.call('execute_command', { sessionId: ended, command: 'truncate -s 3G /tmp/long' });
    const lost = join(area, 'lost');
    mkdirSync(lost);
    const args = { direction: 'out', hostPath: lost, path: '/tmp/long', background: true };
    await mcp.call('transfer_files', { sessionId: ended, ...args });
    await expect.poll(() => readdirSync(lost)).toEqual([expect.stringMatching(/^\.paddock-/)]);
    expect((await mcp.call('destroy_session', { sessionId: ended })).isError).toBe(false);
    expect(readdirSync(lost)).toEqual([]);
    const outcomes = (await place.audit()).filter(
      ({ action, phase }) => `${action} ${phase}` === 'files.transfer outcome',
    );
    expect(outcomes.slice(-2)).toMatchObject([{ session: sessionId, result: 'INTERRUPTED' }, { session: ended }]);
    expect(outcomes.at(-1)).not.toMatchObject({ result: 'ok' });
  });

  it('hears of the progress of a copy within one large file, and no copy survives a call that is cancelled', async () => {
    await inside('truncate -s 3G long');
    const to = join(area, 'cancelled');
    mkdirSync(to);
    const cancel = new AbortController();
    const told: string[] = [];
    const args = { sessionId, direction: 'out', hostPath: to, path: 'long' };
    const onprogress = ({ message = '' }: { readonly message?: string | undefined }) => {
      told.push(message);
      cancel.abort();
    };
    await expect(mcp.call('transfer_files', args, { signal: cancel.signal, onprogress })).rejects.toThrow();
    expect(told[0]).toMatch(/^0 entries, [\d.]+ (?:MiB|GiB)$/);
    await expect.poll(() => readdirSync(to)).toEqual([]);
  });

  it('is told of bounds, and what to do when it can not be done', async () => {
    const large = join(area, 'large');
    mkdirSync(large);
    writeFileSync(join(large, 'hole'), '');
    truncateSync(join(large, 'hole'), 4 * 1024 ** 3);
    const sent = await copy('in', large, '/tmp/large');
    expect(sent.structured['leftOut']).toEqual([{ path: 'hole', why: 'size' }]);
    for (const [args, code] of [
      [{ path: 'missing' }, 'NO_SUCH_FILE'],
      [{ path: 'x', direction: 'sideways' }, 'BAD_ARGUMENT'],
      [{ path: 'x', overwrite: 'yes' }, 'BAD_ARGUMENT'],
      [{ path: 'x', sessionId: 'pdk_aaaaaaaaaaaaaaaaaaaa' }, 'NO_SUCH_SESSION'],
    ] as const) {
      const answer = await copy('out', join(area, 'new'), 'x', args);
      expect(answer, JSON.stringify(args)).toMatchObject({ isError: true, code });
      expect(answer.text).toContain('Next:');
    }
  });
});
