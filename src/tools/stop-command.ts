import { constants } from 'node:os';
import { z } from 'zod';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';
import { commandText, commandView, viewCommand } from './views.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const;
/** How long a command that only got a signal has to show what it makes of it. */
const reactionMs = 500;

export const stopCommand = defineTool({
  name: 'stop_command',
  title: 'Stop a command',
  description:
    'Ends a running command and its whole process tree (SIGTERM, two seconds later SIGKILL) and returns what it printed. With ' +
    'signal it only sends that signal to every process of the command, which may go on. Stopping a command that has ended is fine.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    sessionId: z.string().max(64),
    commandId: z.string().max(64),
    signal: z.enum(signals).optional().describe('Send only this; default: end the command.'),
  }),
  output: commandView,
  async handle(services: ToolServices, { sessionId, commandId, signal }, context) {
    const session = services.sessions.get(sessionId);
    const entry = session.get(commandId);
    if (entry.outcome === undefined && signal !== undefined) {
      await entry.command.signal(constants.signals[signal], 'tree');
      await session.wait(entry, reactionMs, context.signal);
    } else if (entry.outcome === undefined) {
      await entry.command.end('aborted');
      await entry.settled;
    }
    const view = viewCommand(session, entry, services.clock.now());
    return { structured: view, text: commandText(view) };
  },
});
