import { z } from 'zod';
import { toolLine } from './progress.js';
import type { RunRecord } from './run-record.js';

const count = z.number().nonnegative().max(1e15).catch(0);
const text = z.string().optional().catch(undefined);

const line = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('thread.started'), thread_id: z.string() }),
  z.looseObject({
    type: z.enum(['item.started', 'item.completed']),
    item: z.looseObject({
      id: text,
      type: z.string(),
      text,
      command: text,
      message: text,
      server: text,
      tool: text,
      query: text,
      arguments: z.unknown().optional(),
      changes: z
        .array(z.looseObject({ path: z.string() }))
        .optional()
        .catch(undefined),
    }),
  }),
  z.looseObject({
    type: z.literal('turn.completed'),
    usage: z
      .looseObject({ input_tokens: count, cached_input_tokens: count.optional(), output_tokens: count })
      .optional()
      .catch(undefined),
  }),
  z.looseObject({ type: z.literal('turn.failed'), error: z.looseObject({ message: z.string() }) }),
  z.looseObject({ type: z.literal('error'), message: z.string() }),
]);

type Line = z.infer<typeof line>;
type ItemLine = Extract<Line, { item: unknown }>;

/** One event of `codex exec --json`. A turn of Codex is the whole run, so answers are told by what they ask for. */
export function readCodexLine(value: object, record: RunRecord): void {
  const parsed = line.safeParse(value);
  if (!parsed.success) return;
  const data = parsed.data;
  switch (data.type) {
    case 'thread.started':
      record.isSession(data.thread_id);
      break;
    case 'item.started':
    case 'item.completed':
      readItem(data, record);
      break;
    case 'turn.completed':
      readUsage(data, record);
      record.finish(undefined);
      break;
    case 'turn.failed':
      record.outcome = {
        isGood: false,
        stopReason: 'model-error',
        message: data.error.message,
      };
      break;
    case 'error':
      record.fails(data.message, undefined);
  }
}

/** Some kinds are told twice, when they begin and when they end, and some once: the first time counts. */
function readItem({ item }: ItemLine, record: RunRecord): void {
  if (item.type === 'error') return; // a warning: what ends a run comes as turn.failed
  if (item.type === 'reasoning') {
    record.thinks();
    return;
  }
  if (item.type === 'todo_list') return;
  if (!record.answers(item.id)) return;
  if (item.type === 'agent_message') record.says(item.text ?? '');
  else if (item.type === 'command_execution')
    record.uses('shell', toolLine('shell', { command: unwrapped(item.command ?? '') }));
  else if (item.type === 'file_change')
    record.uses('apply_patch', `edits ${item.changes?.map(({ path }) => path).join(', ') ?? 'files'}`);
  else if (item.type === 'mcp_tool_call')
    record.uses(
      `${item.server ?? '?'}.${item.tool ?? '?'}`,
      toolLine(`${item.server ?? '?'}.${item.tool ?? '?'}`, item.arguments),
    );
  else record.uses(item.type, toolLine(item.type, { query: item.query }));
}

/** The command as the model gave it, without the shell around it. */
function unwrapped(command: string): string {
  const inner = /^\S*sh -l?c (['"])(.*)\1$/su.exec(command)?.[2];
  return inner ?? command.replace(/^\S*sh -l?c /, '');
}

/** Of a resumed conversation these are the sums from its beginning on. */
function readUsage(data: Extract<Line, { type: 'turn.completed' }>, record: RunRecord): void {
  if (data.usage === undefined) return;
  const { input_tokens: inputTokens, output_tokens: outputTokens, cached_input_tokens: cached } = data.usage;
  record.usage = { inputTokens, outputTokens, ...(cached === undefined ? {} : { cacheReadTokens: cached }) };
}
