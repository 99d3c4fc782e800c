import { z } from 'zod';
import { audited } from '../../audit/audited.js';
import { digest, digestOfList } from '../../audit/redaction.js';
import { toPaddockError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import { countOf } from '../../kit/count-of.js';
import { safeLine } from '../../kit/safe-text.js';
import { mapInTurns, Turns } from '../../kit/turns.js';
import type { DiscardRequest } from '../../policy/change-requests.js';
import { chooseChanges } from '../../policy/choose-changes.js';
import { WithheldPlaces } from '../../policy/withheld.js';
import { DiscardMarks } from '../../workspace/apply/discarded.js';
import { type Layer, notesOf, openedLayer } from '../../workspace/changes/layer.js';
import type { LayerParts } from './apply-layer.js';
import { withLayer } from './own-layer.js';
import { expectReviewed, refuseUnknown, shownReview } from './shown-review.js';

export const discardReportSchema = z.object({
  sessionId: z.string(),
  dryRun: z.boolean(),
  discarded: z.array(z.string()),
  /** `removed`: the layer is gone. `hidden`: its changes are neither shown nor applied any more, and the sandbox still sees them. */
  how: z.enum(['removed', 'hidden']),
});
export type DiscardReport = z.output<typeof discardReportSchema>;

export interface DiscardParts extends LayerParts {
  /** Takes the layer away, with all that belongs to it; undefined while its session runs, since an overlay is mounted from it. */
  readonly removeLayer: (() => Promise<unknown>) | undefined;
}

/**
 * Discards what is asked for of a session's changes. Errors: BAD_ARGUMENT, LAYER_BUSY, REVIEW_OUTDATED, AUDIT_UNWRITABLE, those of the
 * review and of the removal.
 */
export function discardLayer(
  session: SessionId,
  layer: Layer,
  request: DiscardRequest,
  parts: DiscardParts,
  signal: AbortSignal,
): Promise<DiscardReport> {
  // Writes nothing, and so finishes nothing that a crash has left either.
  if (request.dry_run === true) return discard(session, layer, request, parts, signal);
  const run = () => withLayer(layer, { ...parts, session }, () => discard(session, layer, request, parts, signal));
  return audited(parts.audit, {
    action: 'changes.discard',
    session,
    details: { chosen: request.paths?.length ?? 'all', paths: digest(request.paths ?? []) },
    run,
    describe: async ({ discarded, how }) => ({
      discarded: discarded.length,
      removed: how === 'removed',
      files: await digestOfList(discarded),
    }),
  });
}

async function discard(
  session: SessionId,
  closed: Layer,
  request: DiscardRequest,
  parts: DiscardParts,
  signal: AbortSignal,
): Promise<DiscardReport> {
  const { paths, reviewed, dry_run: dryRun = false } = request;
  try {
    await using open = await openedLayer(closed, signal);
    const report = await discardOpen(session, open.layer, request, parts, signal);
    if (report.how === 'hidden' && !dryRun) await open.keepNotes();
    return report;
  } catch (error) {
    // All of it can be thrown away by somebody who can't read it; which files that were nobody knows then.
    const isWhole = paths === undefined && reviewed === undefined && !dryRun && parts.removeLayer !== undefined;
    if (!isWhole || closed.open === undefined || !notToBeOpened.includes(toPaddockError(error).code)) throw error;
    await parts.removeLayer();
    return { sessionId: session, dryRun, discarded: [], how: 'removed' };
  }
}

const notToBeOpened = ['ENCRYPTION_KEY_UNUSABLE', 'SEALED_UNREADABLE'];

async function discardOpen(
  session: SessionId,
  layer: Layer,
  request: DiscardRequest,
  parts: DiscardParts,
  signal: AbortSignal,
): Promise<DiscardReport> {
  const { paths = [], reviewed, dry_run: dryRun = false } = request;
  const found = await parts.review(layer, signal);
  const review = await shownReview(layer, found);
  await expectReviewed([found, review], reviewed);
  const { meant, unknown } = await chooseChanges(
    review.changes,
    { paths, all: false, overwrite: [] },
    new WithheldPlaces(),
    signal,
  );
  refuseUnknown(unknown);
  const how: DiscardReport['how'] =
    parts.removeLayer === undefined || request.paths !== undefined ? 'hidden' : 'removed';
  if (!dryRun) {
    if (how === 'removed') await parts.removeLayer?.();
    else await (await DiscardMarks.of(notesOf(layer))).add(meant);
  }
  return { sessionId: session, dryRun, discarded: await mapInTurns(meant, new Turns(), ({ path }) => path), how };
}

export function discardText({ sessionId, dryRun, discarded, how }: DiscardReport, mostLines = 60): string {
  const head = `${dryRun ? 'would discard' : 'discarded'} ${countOf(discarded.length, 'change')} of ${sessionId}`;
  const what =
    how === 'removed'
      ? 'all that the session has written beside its project is gone'
      : 'they are neither shown nor applied any more unless they change again; the sandbox still sees them';
  const shown = discarded
    .slice(0, mostLines)
    .map((path) => `${dryRun ? 'would discard' : 'discarded'} ${safeLine(path)}`);
  const more = discarded.length - shown.length;
  return [`${head}: ${what}`, ...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}
