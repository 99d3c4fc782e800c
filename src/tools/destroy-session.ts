import { z } from 'zod';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';

export const destroySession = defineTool({
  name: 'destroy_session',
  title: 'Destroy a session',
  description:
    'Ends a session: kills its commands and removes its container with everything in it. Files written to a read-write workspace ' +
    'stay. Destroying a session that is not there (any more) is fine and says so.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64) }),
  output: z.object({ sessionId: z.string(), destroyed: z.boolean() }),
  async handle(services: ToolServices, { sessionId }) {
    const destroyed = await services.sessions.destroy(sessionId);
    return {
      structured: { sessionId, destroyed },
      text: destroyed ? `${sessionId} is destroyed; nothing of it is left` : `there is no session ${sessionId}`,
    };
  },
});
