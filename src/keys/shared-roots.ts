import { isEitherInside } from '../kit/path-containment.js';
import { type ApiKey, stateOf } from './key.js';

/** A folder of a key, and one of another key that is, contains or lies in it. */
export interface SharedRoot {
  readonly root: string;
  readonly key: string;
  readonly itsRoot: string;
}

/** Folders in which the holders of both keys work: each may change there what the other one runs. Of keys that are good. */
export function sharedRoots({ grant: own }: ApiKey, all: readonly ApiKey[], nowMs: number): readonly SharedRoot[] {
  const others = all.filter((other) => other.grant.id !== own.id && stateOf(other, nowMs) === 'good');
  return own.ceiling.roots.flatMap((root) =>
    others.flatMap(({ grant: { name: key, ceiling } }) =>
      ceiling.roots.filter((one) => isEitherInside(root, one)).map((itsRoot) => ({ root, key, itsRoot })),
    ),
  );
}
