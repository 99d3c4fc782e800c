import { z } from 'zod';
import { egressWays } from '../../core/egress.js';
import { toPaddockError } from '../../core/errors.js';
import { exitReasons } from '../../core/exec.js';
import { alarmSchema } from '../../monitor/alarms/alarm.js';
import { sampleSchema, trendsSchema } from '../../monitor/usage-schema.js';
import { givenAnswers } from '../egress/answer-question.js';
import { updateReport } from '../update-report.js';

/** So many bytes of standard input may be under way to the holder, which says `room` when the command has taken some. */
export const inputWindowBytes = 512 * 1024;

const size = { rows: z.number().int().min(1).max(65_535), columns: z.number().int().min(1).max(65_535) };

/** What a client says on a control socket. The first is none of the last three; the others steer what `exec` started. */
export const clientMessage = z.discriminatedUnion('say', [
  z.strictObject({
    say: z.literal('exec'),
    /** As a caller would write it; the holder's policy judges it. */
    request: z.unknown(),
    terminal: z.strictObject(size).optional(),
    /** Whether standard input follows in frames. */
    hasInput: z.boolean(),
    /** What it prints is the content of files, and not for the session's log. */
    isUnlogged: z.boolean().optional(),
  }),
  z.strictObject({ say: z.literal('commands') }),
  z.strictObject({ say: z.literal('usage') }),
  /** As a caller would write it; the holder's policy judges it. */
  z.strictObject({ say: z.literal('update'), request: z.unknown() }),
  /** What waits for a person's word, and the word. */
  z.strictObject({ say: z.literal('questions') }),
  z.strictObject({ say: z.literal('answer'), rule: z.string().max(300), answer: z.enum(givenAnswers) }),
  z.strictObject({ say: z.literal('input-end') }),
  z.strictObject({ say: z.literal('resize'), ...size }),
  z.strictObject({ say: z.literal('stop') }),
]);
export type ClientMessage = z.output<typeof clientMessage>;

const captured = z.object({ text: z.string(), totalBytes: z.number(), droppedBytes: z.number() });
const usage = z.object({
  durationMs: z.number(),
  userCpuMs: z.number().optional(),
  systemCpuMs: z.number().optional(),
  peakProcessBytes: z.number().optional(),
  sandboxThrottledMs: z.number().optional(),
  oomKills: z.number().optional(),
  peakTreeBytes: z.number().optional(),
  peakProcesses: z.number().optional(),
});
const blocked = z.object({
  ruleId: z.string(),
  host: z.string(),
  port: z.number(),
  via: z.enum(egressWays),
  reason: z.string(),
  hint: z.string(),
  atMs: z.number(),
  count: z.number(),
  namedIn: z.string().optional(),
});
const result = z.object({
  exitCode: z.number(),
  signal: z.string().optional(),
  reason: z.enum(exitReasons),
  stdout: captured,
  stderr: captured,
  usage,
  strays: z.number(),
  outputError: z.string().optional(),
  note: z.string().optional(),
  blocked: z.array(blocked).optional(),
});
const command = z.object({
  commandId: z.string(),
  argv: z.array(z.string()),
  startedAtMs: z.number(),
  state: z.enum(['running', 'finished', 'failed']),
  exitCode: z.number().optional(),
  reason: z.enum(exitReasons).optional(),
});
export type HeldCommand = z.output<typeof command>;

const question = z.object({
  host: z.string(),
  port: z.number(),
  via: z.enum(egressWays),
  rule: z.string(),
  askedAtMs: z.number(),
});
export type HeldQuestion = z.output<typeof question>;

/** What the holder's monitor knows of a session; absent where it knows nothing. */
const usageAnswer = z.object({
  say: z.literal('usage'),
  /** Whether its sandbox runs; absent from holders of older versions. */
  isAlive: z.boolean().optional(),
  usage: sampleSchema.optional(),
  trends: trendsSchema.optional(),
  alarms: z.array(alarmSchema).optional(),
});
export type HeldUsage = Omit<z.output<typeof usageAnswer>, 'say'>;

/** What a holder answers. */
export const holderMessage = z.discriminatedUnion('say', [
  z.object({ say: z.literal('started'), commandId: z.string() }),
  /** While a command runs: something in the session waits for a person's word; `questions` says what. */
  z.object({ say: z.literal('asked') }),
  z.object({ say: z.literal('result'), result }),
  z.object({ say: z.literal('commands'), commands: z.array(command) }),
  usageAnswer,
  z.object({ say: z.literal('questions'), questions: z.array(question) }),
  z.object({ say: z.literal('answered') }),
  z.object({ say: z.literal('updated'), report: updateReport }),
  z.object({ say: z.literal('room'), bytes: z.number().int().min(1).max(inputWindowBytes) }),
  z.object({ say: z.literal('held') }),
  z.object({
    say: z.literal('error'),
    /** One that is not known here is a later version's. */
    code: z.string().max(64),
    message: z.string(),
    hint: z.string(),
    ruleId: z.string().optional(),
  }),
]);
export type HolderMessage = z.output<typeof holderMessage>;
/** What else a holder says is of a later version. */
export const holderWords: ReadonlySet<string> = new Set(holderMessage.options.map(({ shape }) => shape.say.value));

/** What is said to a keeper. */
export const keeperMessage = z.strictObject({ say: z.literal('hold'), sessionId: z.string().max(64) });

/** The message of a JSON frame, or undefined when it is none of these. */
export function parseMessage<T>(schema: z.ZodType<T>, payload: Buffer): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(payload.toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** What failed here, for the other side. */
export function toErrorMessage(thrown: unknown): Extract<HolderMessage, { say: 'error' }> {
  const { code, message, hint, info } = toPaddockError(thrown);
  const { ruleId } = info;
  return { say: 'error', code, message, hint, ...(typeof ruleId === 'string' ? { ruleId } : {}) };
}
