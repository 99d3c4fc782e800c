import { z } from 'zod';
import type { Outcome } from './outcome.js';
import { toolLine } from './progress.js';
import type { RunRecord } from './run-record.js';

const count = z.number().nonnegative().max(1e15).catch(0);

const line = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('init'), session_id: z.string() }),
  z.looseObject({ type: z.literal('message'), role: z.string(), content: z.string() }),
  z.looseObject({
    type: z.literal('tool_use'),
    tool_name: z.string(),
    tool_id: z.string().optional(),
    parameters: z.unknown().optional(),
  }),
  z.looseObject({ type: z.literal('error'), severity: z.string().optional(), message: z.string() }),
  z.looseObject({
    type: z.literal('result'),
    status: z.string(),
    error: z.looseObject({ message: z.string() }).optional().catch(undefined),
    stats: z
      .looseObject({ input_tokens: count, output_tokens: count, cached: count.optional() })
      .optional()
      .catch(undefined),
  }),
]);

type Line = z.infer<typeof line>;

/** One event of `gemini --output-format=stream-json`. Its words come in pieces. */
export function readGeminiLine(value: object, record: RunRecord): void {
  const parsed = line.safeParse(value);
  if (!parsed.success) return;
  const data = parsed.data;
  switch (data.type) {
    case 'init':
      record.isSession(data.session_id);
      break;
    case 'message':
      if (data.role === 'assistant') record.saysMore(data.content);
      break;
    case 'tool_use':
      record.answers(data.tool_id);
      record.uses(data.tool_name, toolLine(data.tool_name, data.parameters));
      break;
    case 'error':
      // A run that was broken off is called a success in the end. Of a loop that ends one, it only warns.
      if (data.severity === 'error') record.outcome = brokenOff(data.message);
      else record.fails(data.message, undefined);
      break;
    case 'result':
      readResult(data, record);
  }
}

function readResult(data: Extract<Line, { type: 'result' }>, record: RunRecord): void {
  if (data.stats !== undefined) {
    const { input_tokens: inputTokens, output_tokens: outputTokens, cached } = data.stats;
    record.usage = { inputTokens, outputTokens, ...(cached === undefined ? {} : { cacheReadTokens: cached }) };
  }
  if (data.status !== 'success') {
    record.outcome = { isGood: false, stopReason: 'model-error', message: data.error?.message ?? data.status };
  } else if (record.outcome === undefined) {
    // A warning after which nothing more came is why it ended.
    if (record.trouble === undefined) record.finish(undefined);
    else record.outcome = brokenOff(record.trouble);
  }
}

function brokenOff(message: string): Outcome {
  return { isGood: false, stopReason: 'agent-error', message };
}
