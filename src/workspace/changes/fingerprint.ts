import { createHash } from 'node:crypto';
import { eachInTurns, Turns } from '../../kit/turns.js';
import type { Review } from './change.js';

/** Stands for a whole review: the same only as long as nothing of what it found has changed, on either side. Others go on meanwhile. */
export async function fingerprintOf({ changes, isComplete }: Review): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(isComplete));
  await eachInTurns(changes, new Turns(), ({ path, kind, from, before, after, refused }) => {
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
  });
  return hash.digest('hex');
}
