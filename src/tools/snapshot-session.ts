import { z } from 'zod';
import { snapshotFields } from '../policy/snapshot-request.js';
import { copyProgress } from './copy-progress.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';
import { snapshotText, snapshotView, viewSnapshot } from './snapshot-view.js';

export const snapshotSession = defineTool({
  name: 'snapshot_session',
  title: 'Snapshot a session',
  description:
    'Keeps a copy of everything that a session with workspace "cow" has changed beside its project, also of one that runs or has ended. ' +
    'create_session takes the id or name as snapshot and begins with these changes. Each file is as it was at one moment; stop commands ' +
    'that write first, if files have to fit each other. Scratch folders (/tmp, the home) are not in it.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64), ...snapshotFields }),
  output: snapshotView,
  async handle(services: ToolServices, { sessionId, name, keep }, context) {
    const snapshot = await services.copies.snapshot(sessionId, {
      ...{ name, keepMs: keep, signal: context.signal, onProgress: copyProgress(services.clock, context) },
    });
    const view = viewSnapshot(snapshot);
    return { structured: view, text: snapshotText(view) };
  },
});
