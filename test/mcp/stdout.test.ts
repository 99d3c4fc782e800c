import { expect, it } from 'vitest';
import { Place } from '../e2e/support/place.js';
import { RawServer } from '../e2e/support/raw-server.js';
import { engineKinds } from '../engine/support/engines.js';

it.each(engineKinds)(
  'stdout carries nothing but JSON-RPC during every tool on %s, and the logs are on stderr',
  async (kind) => {
    await using place = await Place.make(kind);
    await using server = await RawServer.start(place, { PADDOCK_LOG_LEVEL: 'trace' });
    const { result } = await server.request('tools/list', {});
    const toolNames = ((result?.['tools'] ?? []) as { name: string }[]).map((tool) => tool.name).sort();
    const { sessionId } = await server.use<{ sessionId: string }>('create_session', {
      ...{ projectPath: place.project, workspace: 'cow' },
    });
    // What a sandbox prints must not become a line of its own.
    const argv = ['printf', '%s', '\n{"jsonrpc":"2.0","id":1,"result":{}}\n\u001b[2J\r\nContent-Length: 5\r\n\r\n'];
    const { commandId } = await server.use<{ commandId: string }>('execute_command', { sessionId, argv });
    const used = new Set(['create_session', 'execute_command']);
    for (const [name, args] of [
      ['list_sessions', {}],
      ['get_session', { sessionId }],
      ['get_command', { sessionId, commandId }],
      ['stop_command', { sessionId, commandId }],
      ['execute_in_session', { sessionId, prompt: 'do it', agent: 'opencode', model: 'none/none' }],
      ['get_session_logs', { sessionId }],
      ['update_session', { sessionId, idleTimeout: '20m' }],
      ['write_file', { sessionId, path: '/workspace/new', content: 'x' }],
      ['read_file', { sessionId, path: '/workspace/new' }],
      ['list_files', { sessionId, path: '/workspace' }],
      ['transfer_files', { sessionId, direction: 'out', path: '/workspace/new', hostPath: `${place.project}/copied` }],
      ['review_changes', { sessionId }],
      ['apply_changes', { sessionId, paths: ['new'] }],
      ['discard_changes', { sessionId }],
      ['snapshot_session', { sessionId }],
      ['fork_session', { sessionId }],
      ['compare_sessions', { a: sessionId, b: sessionId }],
      ['check_host', {}],
      ['destroy_session', { sessionId }],
      ['get_session', { sessionId }],
    ] as const) {
      await server.call(name, args);
      used.add(name);
    }
    server.child.stdin?.end();
    await server.exited;
    expect([...used].sort()).toEqual(toolNames);
    // initialize, tools/list and twenty-two calls: one answer each, and nothing else.
    expect(server.messages.map((message) => message.id)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    for (const line of server.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
    expect(server.stderr).toContain('a call failed');
  },
);
