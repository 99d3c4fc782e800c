import { z } from 'zod';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';
import { sessionSummary, sessionView, viewSession } from './views.js';

export const listSessions = defineTool({
  name: 'list_sessions',
  title: 'List sessions',
  description: 'Lists the sandbox sessions of this server: id, state, project, limits, deadline, running commands.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({}),
  output: z.object({ sessions: z.array(sessionView), limit: z.number() }),
  handle(services: ToolServices) {
    const now = services.clock.now();
    const sessions = services.sessions.list.map((session) => viewSession(session, now));
    const limit = services.sitePolicy.maxSessions;
    const lines = sessions.map(sessionSummary);
    return Promise.resolve({
      structured: { sessions, limit },
      text: [`${sessions.length} of at most ${limit} sessions`, ...lines].join('\n'),
    });
  },
});
