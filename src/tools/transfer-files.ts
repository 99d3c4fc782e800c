import { z } from 'zod';
import { PolicyDenied } from '../core/errors.js';
import { SessionFiles } from '../session/files.js';
import { reportOf, type TransferJob } from '../session/transfers/transfer-jobs.js';
import { defineTool } from './define-tool.js';
import { longestWaitMs } from './execute-command.js';
import { insidePath } from './file-fields.js';
import type { ToolServices } from './services.js';
import { followTransfer, nextOf, transferFields, transferJobText, viewTransfer } from './transfer-view.js';

export const transferFiles = defineTool({
  name: 'transfer_files',
  title: 'Copy files into or out of a session',
  description:
    'Copies a file or folder between the host and the session (direction in or out). As cp: into a folder that is there, under its own name ' +
    '(DIR/. for its content alone), or else to that very path. The host path has to lie below the allowed roots. At most 3.5 GiB, 200,000 ' +
    'entries and 10 min; after 45 s, or at once with background: true, it returns a commandId and goes on: get_command says how far it is and ' +
    'what it came to, stop_command ends it. Files that are there stay unless overwrite is true. Out: what the host would execute or trust (git hooks, ' +
    'editor tasks, Makefiles …) is withheld until its own path is in named; ask the user first. What was left out is listed with the reason.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input: z.strictObject({
    sessionId: z.string().max(64),
    direction: z.enum(['in', 'out']),
    hostPath: z.string().min(1).max(4095).describe('Absolute.'),
    path: insidePath,
    overwrite: z.boolean().optional().describe('Default false.'),
    named: z
      .array(z.string().min(1).max(4095))
      .max(100)
      .optional()
      .describe('Withheld files to copy out all the same, by path below the copy.'),
    background: z.boolean().optional().describe('Return at once with a commandId.'),
  }),
  output: z.object({
    sessionId: z.string(),
    commandId: z.string(),
    state: z.enum(['running', 'finished']),
    ...transferFields,
    next: z.string().optional(),
  }),
  async handle(services: ToolServices, args, context) {
    const { sessionId, direction, hostPath, path, overwrite = false, named = [], background = false } = args;
    const session = services.sessions.get(sessionId);
    const subject = { sessionId: session.id, run: new SessionFiles(session).run };
    const request = { path, hostPath, overwrite, named };
    const job = session.transfers.start({ direction, hostPath, path }, (own) =>
      services.transfers[direction](subject, request, own),
    );
    const isOver = !background && (await followTransfer(session, job, longestWaitMs, context));
    // Whoever cancels the call does not want the copy.
    if (!isOver && context.signal.aborted) await session.transfers.stop(job.id);
    // What fails in the call is its error, with the rule; later it is what get_command tells.
    if (job.outcome === undefined) countDenial(services, job);
    else reportOf(job);
    const state = job.outcome === undefined ? ('running' as const) : ('finished' as const);
    return {
      structured: { sessionId: session.id, commandId: job.id, state, ...viewTransfer(job), ...nextOf(job) },
      text: transferJobText(job, services.clock.now()),
    };
  },
});

/** A denial counts as one also where nobody waits for it. */
function countDenial({ monitoring }: ToolServices, job: TransferJob): void {
  void job.settled.then(() => {
    const error = job.outcome !== undefined && 'error' in job.outcome ? job.outcome.error : undefined;
    if (error instanceof PolicyDenied) monitoring.denials.add('call', error.ruleId);
  });
}
