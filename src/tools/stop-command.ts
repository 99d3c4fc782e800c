import { z } from 'zod';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';
import { commandText, commandView, viewCommand } from './views.js';

export const stopCommand = defineTool({
  name: 'stop_command',
  title: 'Stop a command',
  description:
    'Ends a running command and its whole process tree (SIGTERM, two seconds later SIGKILL) and returns what it printed. Stopping a ' +
    'command that has ended is fine.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64), commandId: z.string().max(64) }),
  output: commandView,
  async handle(services: ToolServices, { sessionId, commandId }) {
    const session = services.sessions.get(sessionId);
    const entry = session.get(commandId);
    if (entry.outcome === undefined) {
      await entry.command.end('aborted');
      await entry.settled;
    }
    const view = viewCommand(session, entry, services.clock.now());
    return { structured: view, text: commandText(view) };
  },
});
