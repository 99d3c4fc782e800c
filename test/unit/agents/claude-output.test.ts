import { describe, expect, it } from 'vitest';
import { agents } from '../../../src/agents/all.js';
import { hear } from './support/run.js';

const session_id = '2e020c35-66c4-4d3f-93a1-4f05c7434c43';
const init = { type: 'system', subtype: 'init', session_id, tools: ['Bash'] };
const usage = { input_tokens: 300, output_tokens: 60, cache_read_input_tokens: 21 };
const success = {
  type: 'result',
  subtype: 'success',
  is_error: false,
  num_turns: 3,
  result: 'all done',
  total_cost_usd: 0.0024,
  usage,
  session_id,
};

function answer(id: string, ...content: object[]): object {
  return { type: 'assistant', message: { id, role: 'assistant', content }, session_id };
}
const bash = (command: string) => ({ type: 'tool_use', id: 't', name: 'Bash', input: { command } });
const retry = (attempt: number, error_status: number | null) => ({
  ...{ type: 'system', subtype: 'api_retry', attempt, max_retries: 10, error_status },
  ...{ error: error_status === null ? 'unknown' : 'authentication_failed' },
});

describe('what Claude Code prints', () => {
  it('becomes progress and one result', () => {
    const write = { type: 'tool_use', id: 't0', name: 'Write', input: { content: 'x', file_path: 'src/a.ts' } };
    const { events, result } = hear('claude', [
      init,
      answer('m1', { type: 'thinking', thinking: 'hm' }),
      answer('m1', write),
      { type: 'user', message: { content: [{ type: 'tool_result', content: 'ok' }] } },
      answer('m2', { type: 'text', text: 'now\nthe tests' }, bash('npm test'), bash('npm test')),
      success,
    ]);
    const lines = ['thinks', 'writes src/a.ts', 'says: now | the tests', 'runs Bash: npm test', 'runs Bash: npm test'];
    expect(events.map(({ text }) => text)).toEqual(lines);
    expect(result).toEqual({
      ok: true,
      finalText: 'all done',
      turns: 3,
      toolUses: [
        { tool: 'Bash', count: 2 },
        { tool: 'Write', count: 1 },
      ],
      usage: { inputTokens: 300, outputTokens: 60, cacheReadTokens: 21, costUsd: 0.0024 },
      durationMs: 5,
      agentSessionId: session_id,
      stopReason: 'completed',
    });
  });

  it('is no success when it calls itself one and has an error', () => {
    const refused = { ...success, is_error: true, api_error_status: 401, result: 'Invalid API key' };
    expect(hear('claude', [init, refused], { exitCode: 1 }).result).toMatchObject({
      ok: false,
      stopReason: 'model-error',
      error: { message: 'Invalid API key', httpStatus: 401 },
    });
  });

  it('is no success when the exit code says otherwise', () => {
    const { result } = hear('claude', [init, success], { exitCode: 1, stderrTail: 'oh no' });
    expect(result).toMatchObject({ ok: false, stopReason: 'agent-error', finalText: 'all done' });
    expect(result.error?.message).toMatch(/exit code 1.*oh no/);
  });

  it('tells the limit of turns from other errors', () => {
    const over = { type: 'result', subtype: 'error_max_turns', is_error: true, num_turns: 3, usage };
    expect(hear('claude', [init, over], { exitCode: 1 }).result).toMatchObject({
      ok: false,
      stopReason: 'max-turns',
      turns: 3,
    });
    const broken = { type: 'result', subtype: 'error_during_execution', is_error: true, errors: ['a hook failed'] };
    expect(hear('claude', [init, broken], { exitCode: 1 }).result).toMatchObject({
      stopReason: 'agent-error',
      error: { message: 'a hook failed' },
    });
  });

  it('says what it was waiting for when its time is over', () => {
    const { events, result } = hear('claude', [init, retry(1, null)], { exitCode: 124, reason: 'timeout' });
    expect(events.map(({ text }) => text)).toEqual(['waits: the provider: unknown, attempt 1 of 10']);
    expect(result.stopReason).toBe('timeout');
    expect(result.error?.message).toMatch(/timeout; before: the provider: unknown/);
  });

  it('counts on no key that was refused, and on one that was not', () => {
    const parser = hearUntil([init, retry(1, 401)]);
    expect(parser.wantsEnd).toBe('model-error');
    expect(parser.end({ exitCode: 130, reason: 'aborted', durationMs: 1, stderrTail: '' })).toMatchObject({
      ok: false,
      stopReason: 'model-error',
      error: { httpStatus: 401 },
    });
    expect(hearUntil([init, retry(1, 529)]).wantsEnd).toBeUndefined();
    expect(hearUntil([init, retry(1, 401), answer('m1', bash('x'))]).wantsEnd).toBeUndefined();
  });

  it('can not fool a terminal, claim absurd numbers or offer an odd session', () => {
    const odd = {
      ...success,
      session_id: '--help',
      num_turns: 1e300,
      total_cost_usd: -1,
      result: '\u001b[2J\u202eevil',
    };
    const title = { type: 'assistant', message: { id: 'm', content: [bash('\u001b]0;x\u0007')] } };
    const { events, result } = hear('claude', [title, odd]);
    expect(JSON.stringify([events, result])).not.toMatch(/\\u001b|\\u202e|\u202e/);
    expect(result).toMatchObject({ finalText: String.raw`\u{1b}[2J\u{202e}evil`, turns: 0, usage: { costUsd: 0 } });
    expect(result).not.toHaveProperty('agentSessionId');
  });

  it('has limits for everything it may say', () => {
    const many = Array.from({ length: 5000 }, (_, i) =>
      answer(`m${i}`, { ...bash('x'), name: `T${i}`.padEnd(500, 'x') }),
    );
    const { events, result } = hear('claude', [
      `${many.map((line) => JSON.stringify(line)).join('\n')}\n`,
      { ...success, result: 'y'.repeat(300_000) },
    ]);
    // Of one piece; the result has none.
    expect(events).toHaveLength(100);
    expect(result.toolUses).toHaveLength(100);
    expect(result.finalText.length).toBeLessThanOrEqual(100_001);
    expect(Math.max(...events.map(({ text }) => text.length))).toBeLessThanOrEqual(161);
  });
});

function hearUntil(lines: readonly object[]) {
  const parser = agents.claude.newParser();
  for (const line of lines) parser.push(Buffer.from(`${JSON.stringify(line)}\n`));
  return parser;
}
