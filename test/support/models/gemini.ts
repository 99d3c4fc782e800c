import { type Dialect, hasTools, sse, tokensPerAnswer } from './steps.js';
import { toolCall } from './tools.js';

/** Google's generateContent, streamed. */
export const gemini: Dialect = {
  path: /\/models\/[^/]+:streamGenerateContent(?:\?|$)/,
  contentType: 'text/event-stream',
  usesTools: hasTools,
  answer(answer, body) {
    const call = toolCall(answer, body);
    const part = call
      ? { functionCall: { name: call.name, args: call.input } }
      : { text: 'say' in answer ? answer.say : '' };
    return [sse(undefined, content(part, 'STOP'))];
  },
  flood: () => ({ beginning: [], more: sse(undefined, content({ text: 'x'.repeat(8192) })) }),
  error: (status) => JSON.stringify({ error: { code: status, message: `status ${status}`, status: 'UNKNOWN' } }),
};

function content(part: object, finishReason?: string): object {
  return {
    candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason }],
    usageMetadata: {
      promptTokenCount: tokensPerAnswer.input,
      candidatesTokenCount: tokensPerAnswer.output,
      totalTokenCount: tokensPerAnswer.input + tokensPerAnswer.output,
    },
  };
}
