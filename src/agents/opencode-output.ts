import { z } from 'zod';
import { toolLine } from './progress.js';
import type { RunRecord } from './run-record.js';

const count = z.number().nonnegative().max(1e15).catch(0);
const session = z.string().optional().catch(undefined);

const line = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('step_start'), sessionID: session, part: z.looseObject({ messageID: z.string() }) }),
  z.looseObject({ type: z.literal('text'), sessionID: session, part: z.looseObject({ text: z.string() }) }),
  z.looseObject({ type: z.literal('reasoning'), sessionID: session }),
  z.looseObject({
    type: z.literal('tool_use'),
    sessionID: session,
    part: z.looseObject({ tool: z.string(), state: z.looseObject({ input: z.unknown().optional() }) }),
  }),
  z.looseObject({
    type: z.literal('step_finish'),
    sessionID: session,
    part: z.looseObject({
      reason: z.string(),
      cost: count.optional(),
      tokens: z
        .looseObject({ input: count, output: count, cache: z.looseObject({ read: count }).optional() })
        .optional()
        .catch(undefined),
    }),
  }),
  z.looseObject({
    type: z.literal('error'),
    sessionID: session,
    error: z.looseObject({
      name: z.string().optional(),
      data: z.looseObject({ message: z.string().optional(), statusCode: z.number().int().optional() }).optional(),
    }),
  }),
]);

type Line = z.infer<typeof line>;

/** One event of `opencode run --format=json`. */
export function readOpencodeLine(value: object, record: RunRecord): void {
  const parsed = line.safeParse(value);
  if (!parsed.success) return;
  const data = parsed.data;
  record.isSession(data.sessionID);
  switch (data.type) {
    case 'step_start':
      record.answers(data.part.messageID);
      break;
    case 'text':
      record.says(data.part.text);
      break;
    case 'reasoning':
      record.thinks();
      break;
    case 'tool_use':
      record.uses(data.part.tool, toolLine(data.part.tool, data.part.state.input));
      break;
    case 'step_finish':
      readStep(data, record);
      break;
    case 'error': {
      const { message, statusCode } = data.error.data ?? {};
      const status = statusCode === undefined ? {} : { httpStatus: statusCode };
      record.outcome = {
        isGood: false,
        stopReason: 'model-error',
        message: message ?? data.error.name ?? 'an error',
        ...status,
      };
    }
  }
}

/** Each step tells its own tokens. The last one has another reason than a tool. */
function readStep({ part }: Extract<Line, { type: 'step_finish' }>, record: RunRecord): void {
  const before = record.usage ?? { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, costUsd: 0 };
  record.usage = {
    inputTokens: before.inputTokens + (part.tokens?.input ?? 0),
    outputTokens: before.outputTokens + (part.tokens?.output ?? 0),
    cacheReadTokens: (before.cacheReadTokens ?? 0) + (part.tokens?.cache?.read ?? 0),
    costUsd: (before.costUsd ?? 0) + (part.cost ?? 0),
  };
  if (part.reason !== 'tool-calls' && record.outcome === undefined) record.finish(undefined);
}
