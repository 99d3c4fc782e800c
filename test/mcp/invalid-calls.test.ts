import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../src/audit/verify.js';
import { allTools } from '../../src/tools/all-tools.js';
import { McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { Place } from '../e2e/support/place.js';
import { RawServer } from '../e2e/support/raw-server.js';

const mebibyte = 1024 * 1024;

describe('a podman server that is called wrongly', () => {
  let place: Place;
  let mcp: McpClient;
  let sessionId: string;

  beforeAll(async () => {
    place = await Place.make('podman');
    mcp = await McpClient.start(place);
    sessionId = await mcp.create({ workspace: 'none' });
  });

  afterAll(async () => {
    await mcp[Symbol.asyncDispose]();
    expect(await leftOvers(place, ['podman'])).toEqual([]);
    expect(await verifyAudit(place.auditLog)).toMatchObject({ ok: true, openIntents: 0 });
    await place[Symbol.asyncDispose]();
  });

  const wrong: readonly [string, string, (id: string) => Record<string, unknown>, string][] = [
    ['an unknown tool', 'drop_database', () => ({}), 'BAD_ARGUMENT'],
    ['a key that no tool knows', 'list_sessions', () => ({ all: true }), 'BAD_ARGUMENT'],
    ['an unknown key', 'execute_command', (id) => ({ sessionId: id, argv: ['true'], shell: 'zsh' }), 'BAD_ARGUMENT'],
    ['a wrong type', 'execute_command', (id) => ({ sessionId: id, argv: 'true' }), 'BAD_ARGUMENT'],
    ['no command', 'execute_command', (id) => ({ sessionId: id }), 'POLICY_DENIED'],
    ['a NUL in a word', 'execute_command', (id) => ({ sessionId: id, argv: ['echo', 'a\0b'] }), 'POLICY_DENIED'],
    ['a NUL in a path', 'create_session', () => ({ projectPath: '/home/a\0b' }), 'POLICY_DENIED'],
    ['a newline in a name', 'create_session', () => ({ name: 'a\nb', workspace: 'none' }), 'POLICY_DENIED'],
    ['a huge name', 'create_session', () => ({ name: 'x'.repeat(10 * mebibyte) }), 'BAD_ARGUMENT'],
    ['huge options', 'create_session', () => ({ dockerOpts: { Env: ['x'.repeat(10 * mebibyte)] } }), 'POLICY_DENIED'],
    [
      'a huge command',
      'execute_command',
      (id) => ({ sessionId: id, command: 'x'.repeat(10 * mebibyte) }),
      'POLICY_DENIED',
    ],
    [
      'a huge input',
      'execute_command',
      (id) => ({ sessionId: id, argv: ['cat'], stdin: 'x'.repeat(10 * mebibyte) }),
      'POLICY_DENIED',
    ],
    ['deep nesting', 'create_session', () => ({ dockerOpts: nested(200) }), 'POLICY_DENIED'],
    ['a path as an id', 'get_session', () => ({ sessionId: '../../etc/passwd' }), 'NO_SUCH_SESSION'],
    ['a prefix of an id', 'get_session', (id) => ({ sessionId: id.slice(0, 12) }), 'NO_SUCH_SESSION'],
    ['an empty id', 'execute_command', () => ({ sessionId: '', argv: ['true'] }), 'NO_SUCH_SESSION'],
    ['an id of an object', 'get_session', () => ({ sessionId: '__proto__' }), 'NO_SUCH_SESSION'],
    [
      'an unknown command',
      'get_command',
      (id) => ({ sessionId: id, commandId: 'cmd_aaaaaaaaaaaaaaaa' }),
      'NO_SUCH_COMMAND',
    ],
    ['a malformed cursor', 'get_command', (id) => ({ sessionId: id, commandId: 'x', cursor: '-1.0' }), 'BAD_ARGUMENT'],
  ];

  it.each(wrong)('refuses %s with a code, says what to do, and records it', async (_what, tool, args, code) => {
    const before = (await place.audit()).length;
    const answer = await mcp.call(tool, args(sessionId));
    expect([answer.isError, answer.code]).toEqual([true, code]);
    expect(answer.text).toContain(code);
    expect(answer.text).toContain('Next: ');
    expect(Buffer.byteLength(answer.text)).toBeLessThan(8192);
    const lines = (await place.audit()).slice(before);
    expect(lines).toContainEqual(expect.objectContaining({ action: 'tool.refused', verdict: 'deny', result: code }));
    if (code === 'POLICY_DENIED') expect(lines.at(-1)?.rule).toBe(answer.ruleId);
  });

  it('still serves, with its session as it was', async () => {
    const answer = await mcp.call('execute_command', { sessionId, argv: ['echo', 'well'] });
    expect(answer.structured).toMatchObject({ exitCode: 0, stdout: 'well\n' });
  });

  it('does not know the session of another server, nor a detached one', async () => {
    await using other = await McpClient.start(place);
    for (const [tool, args] of [
      ['get_session', {}],
      ['execute_command', { argv: ['true'] }],
      ['get_session_logs', {}],
    ] as const) {
      expect((await other.call(tool, { sessionId, ...args })).code).toBe('NO_SUCH_SESSION');
    }
    expect((await other.call('destroy_session', { sessionId })).structured).toMatchObject({ destroyed: false });
    expect((await other.call('list_sessions')).structured['sessions']).toEqual([]);
    expect((await mcp.call('execute_command', { sessionId, argv: ['true'] })).structured['exitCode']).toBe(0);
  });
});

describe('a server that is sent what is no call at all', () => {
  const lines: readonly [string, string, string][] = [
    ['a line that is not JSON', '{"jsonrpc": oops', 'not-a-message'],
    ['JSON that is no message', '{"hello":"world"}', 'not-a-message'],
    ['a line that is too long', `{"x":"${'x'.repeat(25 * mebibyte)}"}`, 'line-too-long'],
    [
      'arguments that are no object',
      '{"jsonrpc":"2.0","id":900,"method":"tools/call","params":{"name":"list_sessions","arguments":[1]}}',
      'malformed-call',
    ],
    [
      'a name that is no text',
      '{"jsonrpc":"2.0","id":901,"method":"tools/call","params":{"name":7}}',
      'malformed-call',
    ],
    ['JSON nested ten thousand times', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'not-a-message'],
    ['JSON nested a hundred thousand times', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'too-many-items'],
  ];

  it.each(lines)('answers %s with an error, records it, and lives on', async (_what, line, reason) => {
    await using place = await Place.make('podman');
    await using server = await RawServer.start(place);
    server.send(line);
    const errors = () => server.messages.filter((message) => message.error !== undefined).length;
    await expect.poll(errors, { timeout: 20_000 }).toBe(1);
    const answer = await server.request('tools/list', {});
    expect(answer.result?.['tools']).toHaveLength(allTools.length);
    // No answer waits for this record: nothing was done that it would have to precede.
    const refused = async () => (await place.audit()).filter((one) => one.action === 'message.refused');
    await expect
      .poll(refused, { timeout: 5000 })
      .toMatchObject([{ verdict: 'deny', result: 'BAD_ARGUMENT', details: { what: reason } }]);
  });

  it('answers arguments nested ten thousand times with a code', async () => {
    await using place = await Place.make('podman');
    await using server = await RawServer.start(place);
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const params = `{"name":"create_session","arguments":{"dockerOpts":{"Env":${deep}}}}`;
    server.send(`{"jsonrpc":"2.0","id":77,"method":"tools/call","params":${params}}`);
    await expect.poll(() => server.messages.find((message) => message.id === 77), { timeout: 20_000 }).toBeDefined();
    const answer = server.messages.find((message) => message.id === 77);
    expect(answer?.result).toMatchObject({ isError: true, _meta: { 'dev.paddock/error': { code: 'POLICY_DENIED' } } });
    expect(await place.recordFiles()).toEqual([]);
  });
});

function nested(depth: number): Record<string, unknown> {
  let value: Record<string, unknown> = {};
  for (let level = 0; level < depth; level += 1) value = { a: value };
  return value;
}
