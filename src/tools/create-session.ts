import { z } from 'zod';
import { keyArgumentsSchema } from '../policy/key-arguments.js';
import { createRequestSchema } from '../policy/request.js';
import { copyProgress } from './copy-progress.js';
import { defineTool } from './define-tool.js';
import { longestWaitMs } from './execute-command.js';
import type { ToolServices } from './services.js';
import { lockFileNotes, notesOf } from './session-notes.js';
import { enforcementView, sessionText, sessionView, viewEnforcement, viewSession } from './views.js';

export const createSession = defineTool({
  name: 'create_session',
  title: 'Create a sandbox session',
  description:
    'Starts a hardened, rootless container over a project folder and returns a sessionId for execute_command. The project appears ' +
    'at /workspace, to be written as you like: by default (workspace "cow") the folder itself stays as it is, and what was changed waits beside it ' +
    'for review_changes, apply_changes or discard_changes; "ro", "rw" and "none" are the others. Nothing outside is reached but what allow lists, ' +
    'hosts or presets such as npm, within the site policy. No host keys; limits on memory, CPU and processes. The session ' +
    'ends when it is destroyed, at endsAt, when it is idle for idleTimeout, or when this server ends. The result lists every ' +
    'control with what was asked, what the engine says and what the kernel confirms. What loosens the site policy is refused with ' +
    'a rule id. profile names a set of defaults, such as strict; whatever else you ask for stands over it.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input: createRequestSchema.extend({
    ...keyArgumentsSchema.shape,
    snapshot: z
      .string()
      .max(64)
      .optional()
      .describe('Id or name of a snapshot to begin with; its project and workspace cow are meant when left out.'),
  }),
  output: sessionView.extend({ enforcement: enforcementView, notes: z.array(z.string()) }),
  async handle(services: ToolServices, { snapshot, ...args }, context) {
    const start = snapshot === undefined ? undefined : await services.copies.startFrom(snapshot, args);
    const request = start?.request ?? withDefaultProject(args, services.defaultProject);
    const onProgress = copyProgress(services.clock, context);
    const waiting = { waitMs: longestWaitMs, signal: context.signal, onProgress };
    const session = await services.sessions.createWithin(request, waiting, { origin: start?.origin });
    const view = viewSession(session, services.clock.now());
    const notes = [...notesOf(session), ...(await lockFileNotes(session, context.signal))];
    return {
      structured: { ...view, enforcement: viewEnforcement(session), notes },
      text: [sessionText(view), ...notes.map((note) => `  note: ${note}`)].join('\n'),
    };
  },
});

/** A caller who names no project means the folder the server was started in, where that passes the checks. */
function withDefaultProject(args: z.output<typeof createRequestSchema>, project: string | undefined) {
  const wantsOne = args.projectPath === undefined && args.workspace !== 'none';
  return wantsOne && project !== undefined ? { ...args, projectPath: project } : args;
}
