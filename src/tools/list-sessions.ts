import { z } from 'zod';
import type { StartingSession } from '../session/starting.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';
import { sessionSummary, sessionView, viewSession } from './views.js';

export const listSessions = defineTool({
  name: 'list_sessions',
  title: 'List sessions',
  description: "Lists this server's sessions: state, project, limits, deadline, commands.",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({}),
  output: z.object({
    sessions: z.array(sessionView),
    /** Those that are no sessions yet; `creating`, or `failed`. */
    starting: z.array(
      z.object({ sessionId: z.string(), state: z.string(), copied: z.number(), error: z.string().optional() }),
    ),
    limit: z.number(),
  }),
  handle(services: ToolServices) {
    const now = services.clock.now();
    const sessions = services.sessions.list.map((session) => viewSession(session, now));
    const limit = services.sitePolicy.maxSessions;
    const starting = services.sessions.starting.map(viewStarting);
    const lines = [...sessions.map(sessionSummary), ...starting.map(startingLine)];
    return Promise.resolve({
      structured: { sessions, starting, limit },
      text: [`${sessions.length} of at most ${limit} sessions`, ...lines].join('\n'),
    });
  },
});

interface StartingView {
  readonly sessionId: string;
  readonly state: string;
  readonly copied: number;
  readonly error?: string;
}

function viewStarting({ id, soFar, error }: StartingSession): StartingView {
  const base = { sessionId: id, copied: soFar.entries };
  return error === undefined
    ? { ...base, state: 'creating' }
    : { ...base, state: 'failed', error: `${error.code}: ${error.message}` };
}

function startingLine({ sessionId, state, copied, error }: StartingView): string {
  if (error !== undefined) return `${sessionId}: ${state}, ${error}`;
  return `${sessionId}: ${state}, ${copied} entries copied so far; get_session tells when it runs, destroy_session gives it up`;
}
