import { describe, expect, it } from 'vitest';
import { hear } from './support/run.js';

const sessionID = 'ses_df9b834fcffeWc5B11nrMFc4Jc';
const start = (messageID: string) => ({ type: 'step_start', sessionID, part: { messageID } });
const tokens = { input: 100, output: 20, reasoning: 0, cache: { write: 0, read: 7 } };
const finish = (reason: string) => ({ type: 'step_finish', sessionID, part: { reason, tokens, cost: 0.5 } });
const uses = (tool: string, input: object) => ({
  type: 'tool_use',
  sessionID,
  part: { tool, state: { status: 'completed', input } },
});

describe('what opencode prints', () => {
  it('becomes progress and one result, with the tokens of its steps added up', () => {
    const { events, result } = hear('opencode', [
      start('m1'),
      uses('write', { filePath: 'a.sh', content: 'x' }),
      finish('tool-calls'),
      start('m2'),
      uses('bash', { command: 'sh a.sh' }),
      finish('tool-calls'),
      start('m3'),
      { type: 'text', sessionID, part: { text: 'all done' } },
      finish('stop'),
    ]);
    expect(events.map(({ text }) => text)).toEqual(['writes a.sh', 'runs bash: sh a.sh', 'says: all done']);
    expect(result).toMatchObject({
      ok: true,
      finalText: 'all done',
      turns: 3,
      usage: { inputTokens: 300, outputTokens: 60, cacheReadTokens: 21, costUsd: 1.5 },
      agentSessionId: sessionID,
    });
  });

  it('says what the provider refused', () => {
    const error = {
      type: 'error',
      sessionID,
      error: { name: 'APIError', data: { message: 'status 401', statusCode: 401 } },
    };
    expect(hear('opencode', [error], { exitCode: 1 }).result).toMatchObject({
      ok: false,
      stopReason: 'model-error',
      error: { message: 'status 401', httpStatus: 401 },
    });
  });

  it('has no result after a step that asked for a tool', () => {
    expect(hear('opencode', [start('m1'), uses('bash', {}), finish('tool-calls')]).result.stopReason).toBe('no-result');
  });
});
