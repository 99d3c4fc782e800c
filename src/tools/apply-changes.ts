import { z } from 'zod';
import { applyRequestSchema } from '../policy/change-requests.js';
import { type ApplyReport, applyReportSchema, applyText } from '../session/changes/apply-report.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';

/** What a client is shown of each list; the counts are whole. */
const mostListed = 200;
const mostLines = 24;

export const applyChanges = defineTool({
  name: 'apply_changes',
  title: "Apply a session's changes to the project",
  description:
    "Writes what a session with workspace cow has changed into the user's real project; also while it runs, and after its end while its " +
    'changes are kept. Without paths: everything, except for what the host would execute or trust later (git hooks, editor tasks, agent ' +
    'instructions, changed package.json scripts, Makefiles, CI …): such a change is withheld until its exact path is in paths. Ask the user ' +
    'before you name one. Where the project has changed since the session began, its own version stays and the path is in left; overwrite ' +
    'takes the one of the session. Everything that was left alone is listed with the reason. With dry_run nothing is written.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64), ...applyRequestSchema.shape }),
  output: applyReportSchema.extend({
    counts: z.object({ applied: z.number(), same: z.number(), left: z.number() }),
  }),
  async handle(services: ToolServices, { sessionId, ...request }, { signal }) {
    const report = await services.changes.apply(sessionId, request, signal);
    return { structured: shown(report), text: applyText(report, mostLines) };
  },
});

function shown(report: ApplyReport) {
  const { applied, same, left } = report;
  return {
    ...report,
    applied: applied.slice(0, mostListed),
    same: same.slice(0, mostListed),
    left: left.slice(0, mostListed),
    counts: { applied: applied.length, same: same.length, left: left.length },
  };
}
