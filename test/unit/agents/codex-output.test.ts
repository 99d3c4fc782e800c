import { describe, expect, it } from 'vitest';
import { agents } from '../../../src/agents/all.js';
import { hear } from './support/run.js';

const thread = { type: 'thread.started', thread_id: '01a20643-f91f-7b71-b3cf-da7f7eb7437b' };
const warning = { type: 'item.completed', item: { id: 'item_0', type: 'error', message: 'Model metadata not found.' } };
const usage = { input_tokens: 300, cached_input_tokens: 21, output_tokens: 60 };
const done = { type: 'turn.completed', usage };

function run(id: string, command: string, type = 'item.started'): object {
  return { type, item: { id, type: 'command_execution', command, status: 'in_progress' } };
}
const says = (id: string, text: string) => ({ type: 'item.completed', item: { id, type: 'agent_message', text } });

describe('what Codex prints', () => {
  it('becomes progress and one result; a warning in it is no failure', () => {
    const patch = { id: 'i2', type: 'file_change', changes: [{ path: 'a.ts' }, { path: 'b.ts' }] };
    const mcp = { id: 'i3', type: 'mcp_tool_call', server: 'tiny', tool: 'echo', arguments: { query: 'q' } };
    const { events, result } = hear('codex', [
      thread,
      warning,
      { type: 'turn.started' },
      run('i1', "/bin/bash -lc 'npm test'"),
      run('i1', "/bin/bash -lc 'npm test'", 'item.completed'),
      { type: 'item.completed', item: patch },
      { type: 'item.started', item: mcp },
      { type: 'item.completed', item: mcp },
      { type: 'item.completed', item: { id: 'i4', type: 'reasoning', text: 'hm' } },
      says('i5', 'all done'),
      done,
    ]);
    const lines = ['runs shell: npm test', 'edits a.ts, b.ts', 'runs tiny.echo: q', 'thinks', 'says: all done'];
    expect(events.map(({ text }) => text)).toEqual(lines);
    expect(result).toMatchObject({
      ok: true,
      finalText: 'all done',
      turns: 4,
      usage: { inputTokens: 300, outputTokens: 60, cacheReadTokens: 21 },
      agentSessionId: thread.thread_id,
      stopReason: 'completed',
    });
  });

  it('says why a turn failed', () => {
    const trouble = { type: 'error', message: 'Reconnecting... 1/5 (unexpected status 401 Unauthorized)' };
    const failed = { type: 'turn.failed', error: { message: 'unexpected status 401 Unauthorized' } };
    const { events, result } = hear('codex', [thread, trouble, failed], { exitCode: 1 });
    expect(events).toMatchObject([{ kind: 'waits' }]);
    expect(result).toMatchObject({ ok: false, stopReason: 'model-error', error: failed.error });
  });

  it('has had its turns when calls that run side by side were counted once each', () => {
    const parser = agents.codex.newParser({ maxTurns: 3 });
    const tell = (line: object) => parser.push(Buffer.from(`${JSON.stringify(line)}\n`));
    for (const type of ['item.started', 'item.completed']) for (const id of ['a', 'b']) tell(run(id, 'ls', type));
    expect(parser.wantsEnd).toBeUndefined();
    tell(run('c', 'ls'));
    expect(parser.wantsEnd).toBe('max-turns');
    const result = parser.end({ exitCode: 130, reason: 'aborted', durationMs: 1, stderrTail: '' });
    expect(result).toMatchObject({ ok: false, stopReason: 'max-turns', turns: 3 });
  });

  it('is not ended for its turns when it is done with the last of them', () => {
    expect(hear('codex', [thread, says('a', 'x'), done], {}, 1).result).toMatchObject({
      ok: true,
      stopReason: 'completed',
    });
  });
});
