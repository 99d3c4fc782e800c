import { z } from 'zod';
import { isSessionId } from '../core/ids.js';
import { type Kept, keptOf, plainWords } from '../session/changes/kept-words.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';

export const destroySession = defineTool({
  name: 'destroy_session',
  title: 'Destroy a session',
  description:
    'Ends a session: kills its commands and removes its container with everything in it. Files written to a read-write workspace ' +
    'stay; what a cow session has changed is kept for a while, for review_changes, apply_changes and discard_changes. Destroying a session that is not there (any more) is fine and says so.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64) }),
  output: z.object({ sessionId: z.string(), destroyed: z.boolean(), changesKeptUntil: z.string().optional() }),
  async handle(services: ToolServices, { sessionId }) {
    const destroyed = await services.sessions.destroy(sessionId);
    const kept = isSessionId(sessionId) && destroyed ? await keptOf(services.store, sessionId) : undefined;
    const what = kept === undefined ? 'nothing of it is left' : keptText(kept);
    return {
      structured: {
        ...{ sessionId, destroyed },
        ...(kept === undefined ? {} : { changesKeptUntil: new Date(kept.untilMs).toISOString() }),
      },
      text: destroyed ? `${sessionId} is destroyed; ${what}` : `there is no session ${sessionId}`,
    };
  },
});

function keptText(kept: Kept): string {
  const until = new Date(kept.untilMs).toISOString();
  const bare = plainWords(kept);
  return `what it has changed is kept until ${until}: review_changes shows it, then apply_changes or discard_changes${bare === undefined ? '' : `; ${bare}`}`;
}
