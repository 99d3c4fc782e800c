import { PaddockError } from '../../core/errors.js';
import { filterInTurns, Turns } from '../../kit/turns.js';
import { DiscardMarks } from '../../workspace/apply/discarded.js';
import type { Review } from '../../workspace/changes/change.js';
import { fingerprintOf } from '../../workspace/changes/fingerprint.js';
import { type Layer, notesOf } from '../../workspace/changes/layer.js';

/** A review without what was discarded: what people are shown, and choose among. */
export async function shownReview(layer: Layer, review: Review): Promise<Review> {
  const marks = await DiscardMarks.of(notesOf(layer));
  if (marks.all.length === 0) return review;
  return { ...review, changes: await filterInTurns(review.changes, new Turns(), (change) => !marks.has(change)) };
}

/** `reviews`: with and without what was discarded; people may have been shown either. Errors: REVIEW_OUTDATED. */
export async function expectReviewed(reviews: readonly Review[], fingerprint: string | undefined): Promise<void> {
  if (fingerprint === undefined) return;
  for (const review of reviews) if ((await fingerprintOf(review)) === fingerprint) return;
  throw new PaddockError('REVIEW_OUTDATED', 'something has changed since that review, so nothing was done');
}

/** Nothing a caller names is dropped in silence. Errors: BAD_ARGUMENT. */
export function refuseUnknown(unknown: readonly string[]): void {
  if (unknown.length === 0) return;
  throw new PaddockError('BAD_ARGUMENT', `the session has changed nothing at ${unknown.slice(0, 10).join(', ')}`, {
    info: { paths: unknown.slice(0, 100) },
    hint: 'Name paths as review_changes (`paddock changes ID`) shows them.',
  });
}
