import { z } from 'zod';
import { admitExec } from '../policy/exec.js';
import { execRequestSchema } from '../policy/request.js';
import { defineTool } from './define-tool.js';
import { followCommand } from './follow-command.js';
import type { ToolServices } from './services.js';
import { commandText, commandView, viewCommand } from './views.js';

/** Longest wait within one call: clients give up at 60 s, some of them without telling. */
export const longestWaitMs = 45_000;

export const executeCommand = defineTool({
  name: 'execute_command',
  title: 'Run a command in a session',
  description:
    'Runs a program (argv) or a shell line (command) in the session and returns exit code, stdout and stderr. After 45 s, or at ' +
    'once with background: true, it returns a commandId with what there is so far; read on with get_command, end it with ' +
    'stop_command. Default timeout 10 min, most 8 h; at the timeout, or when the call is cancelled, the whole process tree is killed. ' +
    'Processes that outlive their command are killed when it ends: use background: true for servers. Long output keeps head and ' +
    'tail and says how much is missing. reason tells exited, timeout, oom, aborted and output-limit apart.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input: z.strictObject({
    sessionId: z.string().max(64),
    ...execRequestSchema.shape,
    background: z.boolean().optional().describe('Return at once with a commandId.'),
  }),
  output: commandView,
  async handle(services: ToolServices, { sessionId, background, ...rest }, context) {
    const session = services.sessions.get(sessionId);
    const request = admitExec(rest, session.sandbox.handle.spec, services.sitePolicy);
    const entry = await session.start(request);
    if (background !== true) {
      const follow = followCommand(entry, context);
      const ended = await session.wait(entry, longestWaitMs, context.signal);
      follow();
      // Whoever cancels the call does not want the command: nothing of it stays.
      if (!ended && context.signal.aborted) {
        await entry.command.end('aborted');
        await entry.settled;
      }
    }
    const view = viewCommand(session, entry, services.clock.now());
    return { structured: view, text: commandText(view) };
  },
});
