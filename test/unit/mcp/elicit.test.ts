import { describe, expect, it } from 'vitest';
import { elicitApproval } from '../../../src/mcp/elicit.js';

describe('the question to a person at the client', () => {
  it('shows the place and the rule that an answer for always writes', async () => {
    const messages: string[] = [];
    const server = {
      getClientCapabilities: () => ({ elicitation: {} }),
      elicitInput: ({ message }: { message: string }) => {
        messages.push(message);
        return Promise.resolve({ action: 'accept', content: { answer: 'always' } });
      },
    };
    const question = { sessionId: 'pdk_a', place: '[::1]:443', rule: 'https://[::1]' };
    expect(await elicitApproval(server as never, question, new AbortController().signal)).toBe('always');
    expect(messages[0]).toContain(question.place);
    expect(messages[0]).toContain(question.rule);
  });
});
