import { z } from 'zod';
import { noKeys } from '../session/broker/take-keys.js';
import { copyProgress } from './copy-progress.js';
import { defineTool } from './define-tool.js';
import { longestWaitMs } from './execute-command.js';
import type { ToolServices } from './services.js';
import { notesOf } from './session-notes.js';
import { enforcementView, sessionText, sessionView, viewEnforcement, viewSession } from './views.js';

export const forkSession = defineTool({
  name: 'fork_session',
  title: 'Fork a session',
  description:
    'Makes a new session over the same project that begins with what another one with workspace "cow" has changed, running or ended, with the ' +
    'same image, profile, limits, times, allow, providers and git hosts. Both go on by themselves: try several ways, hold them against each other with compare_sessions, ' +
    'apply one. Commands and scratch folders (/tmp, the home) are not taken over.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64), name: z.string().max(256).optional() }),
  output: sessionView.extend({ forkOf: z.string(), enforcement: enforcementView, notes: z.array(z.string()) }),
  async handle(services: ToolServices, { sessionId, name }, context) {
    const held = services.sessions.list.find(({ id }) => id === sessionId);
    const { request, origin, wish } = await services.copies.startFork(sessionId, held?.sandbox.handle.spec.env);
    const named = name === undefined ? request : { ...request, name };
    const onProgress = copyProgress(services.clock, context);
    const waiting = { waitMs: longestWaitMs, signal: context.signal, onProgress };
    const likeOf = { wish, keys: held?.keys ?? noKeys };
    const session = await services.sessions.createWithin(named, waiting, { origin, likeOf });
    const view = viewSession(session, services.clock.now());
    const notes = notesOf(session);
    return {
      structured: { ...view, forkOf: sessionId, enforcement: viewEnforcement(session), notes },
      text: [sessionText(view), `  begins with the changes of ${sessionId}`, ...notes.map((n) => `  note: ${n}`)].join(
        '\n',
      ),
    };
  },
});
