import { z } from 'zod';
import { discardRequestSchema } from '../policy/change-requests.js';
import { discardReportSchema, discardText } from '../session/changes/discard-layer.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';

const mostListed = 200;
const mostLines = 24;

export const discardChanges = defineTool({
  name: 'discard_changes',
  title: "Discard a session's changes",
  description:
    'Gives up what a session with workspace cow has changed beside its project; the project itself is not touched. Of a session that has ended, ' +
    'without paths: everything it has written is removed for good. Of a running one, or with paths: the changes are hidden, neither shown nor ' +
    'applied any more unless they change again, and the sandbox still sees them. With dry_run nothing is discarded.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64), ...discardRequestSchema.shape }),
  output: discardReportSchema.extend({ count: z.number() }),
  async handle(services: ToolServices, { sessionId, ...request }, { signal }) {
    const report = await services.changes.discard(sessionId, request, signal);
    const { discarded } = report;
    const structured = { ...report, discarded: discarded.slice(0, mostListed), count: discarded.length };
    return { structured, text: discardText(report, mostLines) };
  },
});
