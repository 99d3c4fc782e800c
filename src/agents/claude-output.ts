import { z } from 'zod';
import { hadItsTurns } from './outcome.js';
import { toolLine } from './progress.js';
import type { RunRecord } from './run-record.js';

const count = z.number().nonnegative().max(1e15).catch(0);
const block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
});

const line = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('system'),
    subtype: z.string(),
    session_id: z.string().optional(),
    attempt: z.number().optional(),
    max_retries: z.number().optional(),
    error_status: z.number().int().nullish(),
    error: z.string().optional(),
  }),
  z.looseObject({
    type: z.literal('assistant'),
    session_id: z.string().optional(),
    message: z.looseObject({
      id: z.string().optional(),
      content: z.array(block.catch({ type: '', input: undefined })),
    }),
  }),
  z.looseObject({
    type: z.literal('result'),
    subtype: z.string(),
    is_error: z.boolean(),
    session_id: z.string().optional(),
    result: z.string().optional(),
    num_turns: count.optional(),
    api_error_status: z.number().int().nullish(),
    total_cost_usd: count.optional(),
    errors: z.array(z.string()).max(100).optional().catch(undefined),
    usage: z
      .looseObject({ input_tokens: count, output_tokens: count, cache_read_input_tokens: count.optional() })
      .optional()
      .catch(undefined),
  }),
]);

type Line = z.infer<typeof line>;

/** One event of `claude -p --output-format=stream-json`. What is of another kind is none of ours. */
export function readClaudeLine(value: object, record: RunRecord): void {
  const parsed = line.safeParse(value);
  if (!parsed.success) return;
  record.isSession(parsed.data.session_id);
  if (parsed.data.type === 'system') readSystem(parsed.data, record);
  else if (parsed.data.type === 'assistant') readAssistant(parsed.data, record);
  else readResult(parsed.data, record);
}

function readSystem(data: Extract<Line, { type: 'system' }>, record: RunRecord): void {
  if (data.subtype !== 'api_retry') return;
  const status = data.error_status ?? undefined;
  const tries = `attempt ${data.attempt ?? 1} of ${data.max_retries ?? '?'}`;
  const number = status === undefined ? '' : ` (HTTP ${status})`;
  record.fails(`the provider: ${data.error ?? 'no answer'}${number}, ${tries}`, status);
}

function readAssistant(data: Extract<Line, { type: 'assistant' }>, record: RunRecord): void {
  record.answers(data.message.id);
  for (const part of data.message.content) {
    if (part.type === 'text') record.says(part.text ?? '');
    else if (part.type === 'thinking') record.thinks();
    else if (part.type === 'tool_use') record.uses(part.name ?? '?', toolLine(part.name ?? '?', part.input));
  }
}

/** An answer with an error in it calls itself a success: what counts is `is_error`. */
function readResult(data: Extract<Line, { type: 'result' }>, record: RunRecord): void {
  if (data.num_turns !== undefined) record.turns = data.num_turns;
  if (data.usage !== undefined) {
    record.usage = {
      inputTokens: data.usage.input_tokens,
      outputTokens: data.usage.output_tokens,
      ...(data.usage.cache_read_input_tokens === undefined
        ? {}
        : { cacheReadTokens: data.usage.cache_read_input_tokens }),
      ...(data.total_cost_usd === undefined ? {} : { costUsd: data.total_cost_usd }),
    };
  }
  const message = data.result ?? data.errors?.join('; ') ?? data.subtype;
  const status = data.api_error_status ?? undefined;
  if (data.subtype === 'error_max_turns') {
    record.outcome = hadItsTurns;
  } else if (data.is_error && data.subtype === 'success') {
    record.outcome = {
      isGood: false,
      stopReason: 'model-error',
      message,
      ...(status === undefined ? {} : { httpStatus: status }),
    };
  } else if (data.is_error || data.subtype !== 'success') {
    record.outcome = { isGood: false, stopReason: 'agent-error', message };
  } else {
    record.finish(data.result);
  }
}
