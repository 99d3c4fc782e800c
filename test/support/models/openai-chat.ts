import { type Dialect, hasTools, sse, tokensPerAnswer } from './steps.js';
import { toolCall } from './tools.js';

/** The older interface of chat completions, streamed, which most self-hosted models speak. */
export const openaiChat: Dialect = {
  path: /\/chat\/completions$/,
  contentType: 'text/event-stream',
  usesTools: hasTools,
  answer(answer, body, id) {
    const call = toolCall(answer, body);
    const delta = call
      ? {
          role: 'assistant',
          tool_calls: [
            {
              index: 0,
              id: `call_${id}`,
              type: 'function',
              function: { name: call.name, arguments: JSON.stringify(call.input) },
            },
          ],
        }
      : { role: 'assistant', content: 'say' in answer ? answer.say : '' };
    return [
      piece(id, delta),
      piece(id, {}, call ? 'tool_calls' : 'stop'),
      sse(undefined, { ...frame(id), choices: [], usage }),
      sse(undefined, '[DONE]'),
    ];
  },
  flood: (_body, id) => ({
    beginning: [piece(id, { role: 'assistant' })],
    more: piece(id, { content: 'x'.repeat(8192) }),
  }),
  error: (status) => JSON.stringify({ error: { message: `status ${status}`, type: 'error', code: String(status) } }),
};

const usage = {
  prompt_tokens: tokensPerAnswer.input,
  completion_tokens: tokensPerAnswer.output,
  total_tokens: tokensPerAnswer.input + tokensPerAnswer.output,
};

function frame(id: number): object {
  return { id: `chat_${id}`, object: 'chat.completion.chunk', created: 1, model: 'a-model' };
}

function piece(id: number, delta: object, finish: string | null = null): Uint8Array {
  return sse(undefined, { ...frame(id), choices: [{ index: 0, delta, finish_reason: finish }] });
}
