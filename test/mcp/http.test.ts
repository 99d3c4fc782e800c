import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Disposables } from '../../src/kit/disposables.js';
import { HttpServer, type KeyClient, paddock } from '../e2e/support/http-server.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { paddock as inText } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

describe.each(engineKinds)('a server for holders of keys, on %s', (kind) => {
  const held = new Disposables();
  let place: Place;
  let server: HttpServer;
  let ada: KeyClient;
  let bob: KeyClient;
  let sessionId: string;

  beforeAll(async () => {
    place = held.use(await Place.make(kind));
    server = held.use(await HttpServer.start(place));
    const tools = ['--tools', 'read,sessions,exec,host'];
    ada = held.use(await server.client('ada', ...tools, '--root', place.project, '--memory', '256m'));
    bob = held.use(await server.client('bob', ...tools, '--root', place.project));
    const made = await ada.call('create_session', { projectPath: place.project, name: 'hers' });
    sessionId = String(made.structured['sessionId']);
    const written = await ada.call('execute_command', { sessionId, command: 'echo hers > file; cat file' });
    expect(written.structured).toMatchObject({ exitCode: 0, stdout: 'hers\n' });
  });

  afterAll(async () => {
    await server.terminate();
    expect(await leftOvers(place, [kind])).toEqual([]);
    await held[Symbol.asyncDispose]();
  });

  it('shows a session to its own key alone, and to others by no tool, whatever they know of it', async () => {
    const taken = await ada.call('snapshot_session', { sessionId, name: 'base' });
    expect((await ada.call('list_sessions')).structured).toMatchObject({ sessions: [{ sessionId, name: 'hers' }] });
    expect((await bob.call('list_sessions')).structured).toMatchObject({ sessions: [] });
    const commandId = 'cmd_aaaaaaaaaaaaaaaa';
    const calls: readonly (readonly [string, Record<string, unknown>])[] = [
      ['get_session', {}],
      ['update_session', { lifetime: '1h' }],
      ['execute_command', { command: 'true' }],
      ['execute_in_session', { agent: 'claude', prompt: 'x' }],
      ['get_command', { commandId }],
      ['stop_command', { commandId }],
      ['read_file', { path: '/workspace/file' }],
      ['write_file', { path: '/workspace/file', content: 'x' }],
      ['list_files', { path: '/workspace' }],
      ['transfer_files', { direction: 'out', path: '/workspace/file', hostPath: place.project }],
      ['get_session_logs', {}],
      ['review_changes', {}],
      ['apply_changes', {}],
      ['discard_changes', {}],
      ['snapshot_session', {}],
      ['fork_session', {}],
    ];
    const unknown = `pdk_${'a'.repeat(26)}`;
    for (const [name, args] of calls) {
      const [foreign, none] = [
        await bob.call(name, { ...args, sessionId }),
        await bob.call(name, { ...args, sessionId: unknown }),
      ];
      expect(foreign, name).toMatchObject({ isError: true, code: 'NO_SUCH_SESSION' });
      expect(foreign.text.replaceAll(sessionId, unknown), name).toBe(none.text);
    }
    expect((await bob.call('compare_sessions', { a: sessionId, b: sessionId })).code).toBe('NO_SUCH_SESSION');
    expect((await bob.call('destroy_session', { sessionId })).structured).toMatchObject({ destroyed: false });
    for (const snapshot of ['base', taken.structured['snapshotId']]) {
      expect(await bob.call('create_session', { snapshot })).toMatchObject({ code: 'NO_SUCH_SNAPSHOT' });
    }
    const { stdout } = (await ada.call('execute_command', { sessionId, command: 'cat file' })).structured;
    expect(stdout).toBe('hers\n');
  });

  it('raises an alarm when a key guesses at sessions, which is about none of them', async () => {
    for (let i = 0; i < 10; i += 1) expect((await bob.call('get_session', { sessionId })).code).toBe('NO_SUCH_SESSION');
    type Line = { readonly action: string; readonly session?: string; readonly details?: { readonly kind?: string } };
    const alarms = async () =>
      ((await place.audit()) as readonly Line[])
        .filter(({ action, details }) => action === 'session.alarm' && details?.kind === 'unknown-sessions')
        .map(({ session = 'none' }) => session);
    await expect.poll(async () => [...new Set(await alarms())], { timeout: 30_000 }).toEqual(['none']);
  });

  it('keeps each key to its tools, folders and limits', async () => {
    const readers = await server.client('reader', '--tools', 'read');
    expect((await readers.client.listTools()).tools.map(({ name }) => name)).not.toContain('create_session');
    expect(await readers.call('create_session', { workspace: 'none' })).toMatchObject({ code: 'BAD_ARGUMENT' });
    await readers[Symbol.asyncDispose]();
    expect(await ada.call('create_session', { workspace: 'none', memory: '257m' })).toMatchObject({
      ruleId: 'memory.ceiling',
    });
    expect(await ada.call('create_session', { projectPath: place.root })).toMatchObject({ code: 'POLICY_DENIED' });
    expect(await ada.call('create_session', { projectPath: place.project, workspace: 'rw' })).toMatchObject({
      code: 'POLICY_DENIED',
    });
    expect(await ada.call('create_session', { workspace: 'none', allow: ['npm'] })).toMatchObject({
      ruleId: 'egress.ceiling',
    });
    const out = { direction: 'out', path: '/workspace/file', hostPath: `${place.root}/x` };
    expect(await ada.call('transfer_files', { sessionId, ...out })).toMatchObject({ code: 'POLICY_DENIED' });
  });

  it("tells the server's own user whose each session is", async () => {
    const { sessions } = (await paddock(place, 'ps')) as { sessions: { sessionId: string; key?: { name?: string } }[] };
    expect(sessions.find((one) => one.sessionId === sessionId)?.key?.name).toBe('ada');
    const { stdout } = await inText(place, ['ps']);
    expect(stdout.toString()).toMatch(new RegExp(`^${sessionId} +running +attached +ada +host `, 'm'));
  });

  it('names the key of each call in the audit log', async () => {
    const { keys } = (await paddock(place, 'keys', 'list')) as { keys: { name: string; id: string }[] };
    const lines = (await place.audit()) as { action: string; session?: string; caller?: { keyHash?: string } }[];
    const hashes = lines.filter(({ session }) => session === sessionId).map(({ caller }) => caller?.keyHash);
    expect(new Set(hashes)).toEqual(new Set([keys.find(({ name }) => name === 'ada')?.id]));
  });

  it('lets a key take what it was given and no more, and others go on meanwhile', async () => {
    const small = await server.client('small', '--sessions', '1', '--creates', '2', '--cpu-time', '300ms');
    const first = await small.call('create_session', { workspace: 'none' });
    const id = String(first.structured['sessionId']);
    expect((await small.call('list_sessions')).structured).toMatchObject({ sessions: [{ sessionId: id }], limit: 1 });
    expect(await small.call('create_session', { workspace: 'none' })).toMatchObject({
      code: 'LIMIT_REACHED',
      ruleId: 'key.sessions',
    });
    const spent = await small.call('execute_command', { sessionId: id, command: 'while :; do :; done', timeout: '2m' });
    expect(spent.structured).toMatchObject({ reason: 'aborted' });
    expect(spent.structured['durationMs']).toBeLessThan(60_000);
    const refused = await small.call('execute_command', { sessionId: id, command: 'true' });
    expect(refused).toMatchObject({
      isError: true,
      code: 'QUOTA_EXCEEDED',
      text: expect.stringMatching(/again in 23h/),
    });
    expect((await small.call('get_session', { sessionId: id })).isError).toBe(false);
    expect((await small.call('destroy_session', { sessionId: id })).structured).toMatchObject({ destroyed: true });
    expect((await ada.call('execute_command', { sessionId, command: 'true' })).structured).toMatchObject({
      exitCode: 0,
    });
    await small[Symbol.asyncDispose]();

    const eager = await server.client('eager', '--calls', '3');
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 5; i += 1) codes.push((await eager.call('list_sessions')).code);
    expect(codes).toEqual([undefined, undefined, undefined, 'RATE_LIMITED', 'RATE_LIMITED']);
    await eager[Symbol.asyncDispose]();
  });

  it('ends the sessions of a key that is revoked, and those of no other', async () => {
    const eve = await server.client('eve');
    const made = await eve.call('create_session', { workspace: 'none' });
    expect(made.isError).toBe(false);
    await paddock(place, 'keys', 'revoke', 'eve');
    const files = async () => (await place.recordFiles()).join(' ');
    await expect.poll(files, { timeout: 60_000 }).not.toContain(String(made.structured['sessionId']));
    expect(await files()).toContain(sessionId);
    await expect(eve.call('list_sessions')).rejects.toThrow();
    await eve[Symbol.asyncDispose]();
  });

  it('lets a command that is at work come to its end when it is to end, and leaves nothing', async () => {
    const last = ada.call('execute_command', { sessionId, command: 'echo begun > /tmp/begun; sleep 1; echo done' });
    await expect
      .poll(async () => (await ada.call('list_files', { sessionId, path: '/tmp' })).text, { timeout: 60_000 })
      .toContain('begun');
    const ended = server.terminate();
    expect((await last).structured).toMatchObject({ exitCode: 0, stdout: 'done\n' });
    expect(await ended).toBe(0);
  });
});
