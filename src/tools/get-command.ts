import { z } from 'zod';
import { PaddockError } from '../core/errors.js';
import type { CapturedStream } from '../kit/captured-stream.js';
import { safeText } from '../kit/safe-text.js';
import type { Session } from '../session/session.js';
import { agentPart, agentText, followAgent, viewAgentAsCommand } from './agent-view.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';
import { streamBytes } from './shorten.js';
import { followTransfer, transferJobText, transferPart, viewAsCommand } from './transfer-view.js';
import { type CommandView, commandText, commandView, viewSilent } from './views.js';
import { wholeHead } from './whole-characters.js';

/** Bytes that fit on a page whatever they are. */
const smallestPage = 256;

export const getCommand = defineTool({
  name: 'get_command',
  title: 'Read on from a command',
  description:
    'Returns the state of a command and its output from a cursor on, a page at a time. With waitMs it waits up to 45 s for the ' +
    'command to end or to print something new. Start at cursor "0.0" to read everything that was kept. With a commandId of transfer_files ' +
    'it waits for the end of the copy, and transfer says how far it is or what it came to. With one of execute_in_session and no cursor ' +
    'agent says how far the agent is; with a cursor it returns what the agent printed.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    sessionId: z.string().max(64),
    commandId: z.string().max(64),
    cursor: z
      .string()
      .regex(/^\d{1,15}\.\d{1,15}$/)
      .optional()
      .describe('As returned by execute_command or get_command; default 0.0.'),
    waitMs: z.number().int().min(0).max(45_000).optional().describe('Default 0.'),
  }),
  output: commandView.extend({ more: z.boolean(), transfer: transferPart.optional(), agent: agentPart.optional() }),
  async handle(services: ToolServices, { sessionId, commandId, cursor: from, waitMs = 0 }, context) {
    const session = services.sessions.get(sessionId);
    const job = session.transfers.find(commandId);
    if (job !== undefined) {
      await followTransfer(session, job, waitMs, context);
      const nowMs = services.clock.now();
      return { structured: { ...viewAsCommand(session, job, nowMs), more: false }, text: transferJobText(job, nowMs) };
    }
    const run = from === undefined ? session.agents.find(commandId) : undefined;
    if (run !== undefined) {
      await followAgent(session, run, waitMs, context);
      const view = viewAgentAsCommand(session, run, services.clock.now());
      return { structured: { ...view, more: false }, text: agentText(view) };
    }
    return await readOn(services, session, { commandId, cursor: from ?? '0.0', waitMs }, context.signal);
  },
});

interface From {
  readonly commandId: string;
  readonly cursor: string;
  readonly waitMs: number;
}

/** Waits until the command has ended or printed more, and shows a page of that. */
async function readOn(
  { clock }: ToolServices,
  session: Session,
  { commandId, cursor, waitMs }: From,
  signal: AbortSignal,
) {
  const entry = session.get(commandId);
  const [out = 0, err = 0] = cursor.split('.').map(Number);
  const { stdout, stderr } = entry.command.output;
  if (out > stdout.totalBytes || err > stderr.totalBytes) {
    throw new PaddockError('BAD_ARGUMENT', 'the cursor is beyond the end of the output');
  }
  const until = clock.monotonic() + waitMs;
  const printed = () => stdout.totalBytes > out || stderr.totalBytes > err;
  while (!printed() && clock.monotonic() < until && !signal.aborted) {
    const left = Math.min(250, until - clock.monotonic());
    if (await session.wait(entry, Math.max(0, left), signal)) break;
  }
  const pages = { stdout: page(stdout, out), stderr: page(stderr, err) };
  const more = pages.stdout.next < stdout.totalBytes || pages.stderr.next < stderr.totalBytes;
  const view: CommandView & { more: boolean } = {
    ...viewSilent(session, entry, clock.now()),
    stdout: pages.stdout.text,
    stderr: pages.stderr.text,
    stdoutDroppedBytes: pages.stdout.skipped,
    stderrDroppedBytes: pages.stderr.skipped,
    cursor: `${pages.stdout.next}.${pages.stderr.next}`,
    more,
  };
  if (more) view.next = 'There is more output: call get_command again with this cursor.';
  return { structured: view, text: commandText(view) };
}

/**
 * One page of at most `streamBytes` bytes once it is safe to show, ended at a whole character. Escapes are up to six
 * times as long as what they stand for, so as much less is taken of a stream that is full of control characters.
 */
function page(stream: CapturedStream, from: number): { text: string; next: number; skipped: number } {
  for (let most = streamBytes; ; ) {
    const { bytes, next, skippedBytes } = stream.readFrom(from, most);
    const whole = next < stream.totalBytes ? wholeHead(bytes) : bytes;
    const text = safeText(whole.toString('utf8'), Number.POSITIVE_INFINITY);
    const size = Buffer.byteLength(text);
    if (size <= streamBytes || whole.length <= smallestPage) {
      const gap = skippedBytes > 0 ? `[… ${skippedBytes} bytes are no longer kept …]\n` : '';
      return { text: gap + text, next: next - (bytes.length - whole.length), skipped: skippedBytes };
    }
    most = Math.max(smallestPage, Math.floor((whole.length * streamBytes) / size) - 4);
  }
}
