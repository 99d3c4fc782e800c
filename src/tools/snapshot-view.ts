import { z } from 'zod';
import { formatBytes } from '../core/units.js';
import { safeLine } from '../kit/safe-text.js';
import type { Snapshot } from '../session/snapshot-shelf.js';

/** A snapshot as clients see it. */
export const snapshotView = z.object({
  snapshotId: z.string(),
  name: z.string().optional(),
  sessionId: z.string(),
  projectPath: z.string(),
  madeAt: z.string(),
  /** When it is removed. */
  keptUntil: z.string(),
  entries: z.number(),
  bytes: z.number(),
  /** Sockets, devices and what could not be read: not in it. */
  leftOut: z.number(),
  /** SHA-256 over all that is in it; the audit log has it too. */
  digest: z.string(),
});

export function viewSnapshot({ id, name, session, project, ...rest }: Snapshot): z.output<typeof snapshotView> {
  const { madeAtMs, untilMs, entries, bytes, leftOut, digest } = rest;
  return {
    snapshotId: id,
    ...(name === undefined ? {} : { name }),
    ...{ sessionId: session, projectPath: safeLine(project.source, 4096), entries, bytes, leftOut, digest },
    madeAt: new Date(madeAtMs).toISOString(),
    keptUntil: new Date(untilMs).toISOString(),
  };
}

export function snapshotText(view: z.output<typeof snapshotView>): string {
  const { snapshotId, name, sessionId, entries, bytes, leftOut, keptUntil, digest } = view;
  return [
    `${snapshotId}${name === undefined ? '' : ` (${name})`} of ${sessionId}: ${entries} entries, ${formatBytes(bytes)}, kept until ${keptUntil}`,
    `  digest ${digest}`,
    ...(leftOut === 0 ? [] : [`  not in it: ${leftOut} sockets, devices, or files that can not be read`]),
  ].join('\n');
}
