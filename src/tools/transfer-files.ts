import { z } from 'zod';
import { SessionFiles } from '../session/files.js';
import { transferText } from '../session/transfers/report.js';
import { defineTool } from './define-tool.js';
import { insidePath } from './file-fields.js';
import type { ToolServices } from './services.js';

/** What a client is shown of what was left out; the counts are whole. */
const mostListed = 100;
const mostLines = 24;
const everyMs = 2000;

export const transferFiles = defineTool({
  name: 'transfer_files',
  title: 'Copy files into or out of a session',
  description:
    'Copies a file or folder between the host and the session (direction in or out). As cp: into a folder that is there, under its own name ' +
    '(DIR/. for its content alone), or else to that very path. The host path has to lie below the allowed roots. At most 1 GiB, 50,000 ' +
    'entries and 45 s. Files that are there stay unless overwrite is true. Out: what the host would execute or trust (git hooks, editor ' +
    'tasks, Makefiles …) is withheld until its own path is in named; ask the user first. What was left out is listed with the reason.',
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
  }),
  output: z.object({
    sessionId: z.string(),
    direction: z.enum(['in', 'out']),
    hostPath: z.string(),
    path: z.string(),
    entries: z.number(),
    bytes: z.number(),
    sha256: z.string(),
    leftOut: z.array(z.object({ path: z.string(), why: z.string() })),
    moreLeftOut: z.number(),
  }),
  async handle(services: ToolServices, args, { signal, progress }) {
    const { sessionId, direction, hostPath, path, overwrite = false, named = [] } = args;
    const session = services.sessions.get(sessionId);
    const subject = { sessionId: session.id, run: new SessionFiles(session).run };
    let nextMs = services.clock.monotonic() + everyMs;
    const onProgress = ({ entries, bytes }: { readonly entries: number; readonly bytes: number }) => {
      if (services.clock.monotonic() < nextMs) return;
      nextMs = services.clock.monotonic() + everyMs;
      progress(`${entries} entries, ${bytes} bytes`);
    };
    const request = { path, hostPath, overwrite, named };
    const report = await services.transfers[direction](subject, request, { signal, onProgress });
    const leftOut = report.leftOut.slice(0, mostListed);
    const moreLeftOut = report.moreLeftOut + report.leftOut.length - leftOut.length;
    return { structured: { ...report, leftOut, moreLeftOut }, text: transferText(report, mostLines) };
  },
});
