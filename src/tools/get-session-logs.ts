import { z } from 'zod';
import { safeText } from '../kit/safe-text.js';
import { readSessionLog } from '../session/session-log.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';

export const getSessionLogs = defineTool({
  name: 'get_session_logs',
  title: "Show a session's log",
  description: 'Shows the end of what the commands of a session printed, with when each began and ended.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    sessionId: z.string().max(64),
    maxBytes: z.number().int().min(1).max(30_000).optional().describe('From the end; default 7000.'),
  }),
  output: z.object({ sessionId: z.string(), log: z.string(), cut: z.boolean() }),
  async handle(services: ToolServices, { sessionId, maxBytes = 7000 }) {
    const session = services.sessions.get(sessionId);
    await session.flushLog();
    const { text, cut } = await readSessionLog(services.store.logPath(session.id), maxBytes);
    const log = safeText(text, maxBytes * 2);
    const note = cut ? `[earlier output left out; ask for up to 30000 maxBytes]\n` : '';
    return { structured: { sessionId, log, cut }, text: log === '' ? 'nothing was printed yet' : note + log };
  },
});
