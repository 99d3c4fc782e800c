import { describe, expect, it } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { Place } from '../e2e/support/place.js';

const names = [
  'create_session',
  'list_sessions',
  'get_session',
  'update_session',
  'destroy_session',
  'execute_command',
  'execute_in_session',
  'get_command',
  'stop_command',
  'read_file',
  'write_file',
  'list_files',
  'transfer_files',
  'get_session_logs',
  'review_changes',
  'apply_changes',
  'discard_changes',
  'snapshot_session',
  'fork_session',
  'compare_sessions',
  'check_host',
];

describe('the tool list', () => {
  it('needs no engine, is the same each time, and describes every tool completely', async () => {
    await using place = await Place.make();
    await using mcp = await McpClient.start(place, { PADDOCK_ENGINE: 'unix:///nonexistent/engine.sock' });
    const { tools } = await mcp.client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(names);
    expect((await mcp.client.listTools()).tools).toEqual(tools);
    for (const tool of tools) {
      expect(tool.description?.length).toBeGreaterThan(40);
      expect(tool.title).toBeDefined();
      expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(tool.outputSchema).toMatchObject({ type: 'object' });
      const hints = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'];
      expect(Object.keys(tool.annotations ?? {})).toEqual(expect.arrayContaining(hints));
    }
    const destructive = tools.filter((tool) => tool.annotations?.destructiveHint === true).map((tool) => tool.name);
    expect(destructive).toEqual([
      'destroy_session',
      'execute_command',
      'execute_in_session',
      'stop_command',
      'write_file',
      'transfer_files',
      'apply_changes',
      'discard_changes',
    ]);
  });

  it('fits a small part of a context window', async () => {
    await using place = await Place.make();
    await using mcp = await McpClient.start(place);
    expect(JSON.stringify((await mcp.client.listTools()).tools).length).toBeLessThan(60_000);
  });
});
