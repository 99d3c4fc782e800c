import { PaddockError } from '../../core/errors.js';
import { DiscardMarks } from '../../workspace/apply/discarded.js';
import type { Review } from '../../workspace/changes/change.js';
import { fingerprintOf } from '../../workspace/changes/fingerprint.js';
import { type Layer, notesOf } from '../../workspace/changes/layer.js';

/** A review without what was discarded: what people are shown, and choose among. */
export async function shownReview(layer: Layer, review: Review): Promise<Review> {
  const marks = await DiscardMarks.of(notesOf(layer));
  return { ...review, changes: review.changes.filter((change) => !marks.has(change)) };
}

/** `reviews`: with and without what was discarded; people may have been shown either. Errors: REVIEW_OUTDATED. */
export function expectReviewed(reviews: readonly Review[], fingerprint: string | undefined): void {
  if (fingerprint === undefined || reviews.map(fingerprintOf).includes(fingerprint)) return;
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
