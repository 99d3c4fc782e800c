import { type Answer, type Body, type Dialect, hasTools, sse, tokensPerAnswer } from './steps.js';
import { toolCall } from './tools.js';

/** The Messages interface, streamed. */
export const anthropic: Dialect = {
  path: /\/v1\/messages(?:\?|$)/,
  contentType: 'text/event-stream',
  usesTools: hasTools,
  answer: (answer, body, id) => messageEvents(answer, body, id).map((event) => sse(event.type, event)),
  flood(body, id) {
    const [start, block, delta] = messageEvents({ say: 'x'.repeat(8192) }, body, id);
    return { beginning: [start, block].map((event) => sse(event?.type, event)), more: sse(delta?.type, delta) };
  },
  error: (status) =>
    JSON.stringify({ type: 'error', error: { type: kinds[status] ?? 'api_error', message: `status ${status}` } }),
};

const kinds: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

function model(body: Body): string {
  return typeof body['model'] === 'string' ? body['model'] : 'a-model';
}

export interface MessageEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** The events of one message, in order. */
export function messageEvents(answer: Answer, body: Body, id: number): MessageEvent[] {
  const call = toolCall(answer, body);
  const text = 'say' in answer ? answer.say : '';
  const block = call ? { type: 'tool_use', id: `toolu_${id}`, name: call.name, input: {} } : { type: 'text', text: '' };
  const delta = call
    ? { type: 'input_json_delta', partial_json: JSON.stringify(call.input) }
    : { type: 'text_delta', text };
  const usage = { input_tokens: tokensPerAnswer.input, output_tokens: 1, cache_read_input_tokens: 7 };
  const message = { id: `msg_${id}`, type: 'message', role: 'assistant', model: model(body), content: [], usage };
  return [
    { type: 'message_start', message: { ...message, stop_reason: null, stop_sequence: null } },
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: call ? 'tool_use' : 'end_turn', stop_sequence: null },
      usage: { output_tokens: tokensPerAnswer.output },
    },
    { type: 'message_stop' },
  ];
}
