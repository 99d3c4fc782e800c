import { type Dialect, hasTools, sse, tokensPerAnswer } from './steps.js';
import { toolCall } from './tools.js';

/** The Responses interface, streamed. */
export const openaiResponses: Dialect = {
  path: /\/responses$/,
  contentType: 'text/event-stream',
  usesTools: hasTools,
  answer(answer, body, id) {
    const call = toolCall(answer, body);
    const item = call
      ? {
          type: 'function_call',
          id: `fc_${id}`,
          call_id: `call_${id}`,
          name: call.name,
          arguments: JSON.stringify(call.input),
        }
      : {
          type: 'message',
          id: `m_${id}`,
          role: 'assistant',
          content: [{ type: 'output_text', text: 'say' in answer ? answer.say : '' }],
        };
    return [
      ...beginning(id),
      event('response.output_item.added', { output_index: 0, item }),
      event('response.output_item.done', { output_index: 0, item }),
      event('response.completed', { response: { id: `resp_${id}`, output: [item], usage } }),
    ];
  },
  flood(_body, id) {
    const item = { type: 'message', id: `m_${id}`, role: 'assistant', content: [] };
    return {
      beginning: [...beginning(id), event('response.output_item.added', { output_index: 0, item })],
      more: event('response.output_text.delta', { output_index: 0, item_id: item.id, delta: 'x'.repeat(8192) }),
    };
  },
  error: (status) => JSON.stringify({ error: { message: `status ${status}`, type: 'error', code: String(status) } }),
};

const usage = {
  input_tokens: tokensPerAnswer.input,
  input_tokens_details: { cached_tokens: 7 },
  output_tokens: tokensPerAnswer.output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: tokensPerAnswer.input + tokensPerAnswer.output,
};

function beginning(id: number): Uint8Array[] {
  return [event('response.created', { response: { id: `resp_${id}` } })];
}

function event(type: string, rest: object): Uint8Array {
  return sse(type, { type, ...rest });
}
