import { describe, expect, it } from 'vitest';
import { hear } from './support/run.js';

const init = { type: 'init', session_id: '85c7ebc0-a9ad-4101-82ac-5d5528745ff3', model: 'a-model' };
const stats = { input_tokens: 300, output_tokens: 60, cached: 7, tool_calls: 2 };
const success = { type: 'result', status: 'success', stats };
const says = (content: string) => ({ type: 'message', role: 'assistant', content, delta: true });
const uses = (tool_id: string, tool_name: string, parameters: object) => ({
  type: 'tool_use',
  tool_name,
  tool_id,
  parameters,
});

describe('what Gemini CLI prints', () => {
  it('becomes progress and one result, with its last words put together', () => {
    const { events, result } = hear('gemini', [
      init,
      { type: 'message', role: 'user', content: 'do it' },
      says('first '),
      says('words'),
      uses('1', 'write_file', { file_path: 'a.sh', content: 'x' }),
      { type: 'tool_result', tool_id: '1', status: 'success' },
      uses('2', 'run_shell_command', { command: 'sh a.sh' }),
      says('all '),
      says('done'),
      success,
    ]);
    const lines = ['says: first', 'writes a.sh', 'runs run_shell_command: sh a.sh', 'says: all'];
    expect(events.map(({ text }) => text)).toEqual(lines);
    expect(result).toMatchObject({
      ok: true,
      finalText: 'all done',
      turns: 4,
      usage: { inputTokens: 300, outputTokens: 60, cacheReadTokens: 7 },
      agentSessionId: init.session_id,
    });
  });

  it('is no success when an error was told before it called itself one', () => {
    const over = { type: 'error', severity: 'error', message: 'Maximum session turns exceeded' };
    expect(hear('gemini', [init, over, success]).result).toMatchObject({
      ok: false,
      stopReason: 'agent-error',
      error: { message: over.message },
    });
  });

  it('is no success when a warning was the last of it, as of a loop that it broke off', () => {
    const loop = { type: 'error', severity: 'warning', message: 'Loop detected, stopping execution' };
    expect(hear('gemini', [init, says('round and round'), loop, success]).result).toMatchObject({
      ok: false,
      stopReason: 'agent-error',
      error: { message: loop.message },
    });
    const goneOn = hear('gemini', [init, says('one'), loop, says('two'), success]);
    expect(goneOn.result).toMatchObject({ ok: true, finalText: 'two' });
    expect(goneOn.events.map(({ text }) => text)).toContain(`waits: ${loop.message}`);
    expect(hear('gemini', [init, loop, uses('1', 'read_file', {}), success]).result.ok).toBe(true);
  });

  it('says what the provider refused', () => {
    const failed = { type: 'result', status: 'error', error: { type: 'unknown', message: '[API Error: 401]' }, stats };
    expect(hear('gemini', [init, failed], { exitCode: 145 }).result).toMatchObject({
      ok: false,
      stopReason: 'model-error',
      error: { message: '[API Error: 401]' },
    });
  });
});
