import { createHash } from 'node:crypto';
import type { Review } from './change.js';

/** Stands for a whole review: the same only as long as nothing of what it found has changed, on either side. */
export function fingerprintOf({ changes, isComplete }: Review): string {
  const hash = createHash('sha256').update(JSON.stringify(isComplete));
  for (const { path, kind, from, before, after, refused } of changes) {
    hash.update(
      JSON.stringify([
        path,
        kind,
        from ?? null,
        before?.stamp ?? null,
        after?.lasting ?? after?.stamp ?? null,
        refused ?? null,
      ]),
    );
  }
  return hash.digest('hex');
}
