import { constants } from 'node:os';
import { z } from 'zod';
import { PaddockError } from '../core/errors.js';
import type { Session } from '../session/session.js';
import type { TransferJob } from '../session/transfers/transfer-jobs.js';
import { agentPart, agentText, viewAgentAsCommand } from './agent-view.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';
import { transferJobText, transferPart, viewAsCommand } from './transfer-view.js';
import { commandText, commandView, viewCommand } from './views.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const;
/** How long a command that only got a signal has to show what it makes of it. */
const reactionMs = 500;

export const stopCommand = defineTool({
  name: 'stop_command',
  title: 'Stop a command',
  description:
    'Ends a running command and its whole process tree (SIGTERM, two seconds later SIGKILL) and returns what it printed. With ' +
    'signal it only sends that signal to every process of the command, which may go on. Stopping a command that has ended is fine. ' +
    'A commandId of transfer_files stops that copy; what was copied before stays. One of execute_in_session stops that agent.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    sessionId: z.string().max(64),
    commandId: z.string().max(64),
    signal: z.enum(signals).optional().describe('Send only this; default: end the command.'),
  }),
  output: commandView.extend({ transfer: transferPart.optional(), agent: agentPart.optional() }),
  async handle(services: ToolServices, { sessionId, commandId, signal }, context) {
    const session = services.sessions.get(sessionId);
    const job = session.transfers.find(commandId);
    if (job !== undefined) return await stopTransfer(services, session, job, signal);
    const entry = session.get(commandId);
    if (entry.outcome === undefined && signal !== undefined) {
      await entry.command.signal(constants.signals[signal], 'tree');
      await session.wait(entry, reactionMs, context.signal);
    } else if (entry.outcome === undefined) {
      await entry.command.end('aborted');
      await entry.settled;
    }
    const run = session.agents.find(commandId);
    if (run !== undefined) {
      if (entry.outcome !== undefined) await run.settled;
      const agent = viewAgentAsCommand(session, run, services.clock.now());
      return { structured: agent, text: agentText(agent) };
    }
    const view = viewCommand(session, entry, services.clock.now());
    return { structured: view, text: commandText(view) };
  },
});

async function stopTransfer({ clock }: ToolServices, session: Session, job: TransferJob, signal: string | undefined) {
  if (signal !== undefined) throw new PaddockError('BAD_ARGUMENT', 'a copy takes no signals: leave signal out');
  await session.transfers.stop(job.id);
  const nowMs = clock.now();
  return { structured: viewAsCommand(session, job, nowMs), text: transferJobText(job, nowMs) };
}
