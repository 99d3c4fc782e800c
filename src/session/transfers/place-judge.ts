import { join } from 'node:path';
import { WithheldPlaces } from '../../policy/withheld.js';
import { isJudgedByContent, verdictOnContent } from '../../policy/withheld-content.js';
import type { PlaceJudge } from '../../sandbox/files/place-judge.js';

export interface JudgeOptions {
  /** Where the top of the copy is on the host: an absolute path, links resolved. */
  readonly root: string;
  /** Whether the caller gave that very path for what is copied: a file is named by it. */
  readonly isExact: boolean;
  /** Paths of files, relative to the copy, that are wanted although they are withheld. */
  readonly named: readonly string[];
  /** What the site withholds besides. */
  readonly withhold: readonly string[];
}

export interface Naming {
  /** What of `named` is no file of the copy. */
  unused(): readonly string[];
}

/** Withholds what the host would execute or trust later, as when changes are applied. By whole paths of the host: what a copy goes into counts. */
export function placeJudge({ root, isExact, named, withhold }: JudgeOptions): PlaceJudge & Naming {
  const places = new WithheldPlaces(withhold);
  const names = new Map(named.map((path) => [path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, ''), path]));
  const unused = new Set(named);
  const isNamed = (path: string) => {
    const given = names.get(path) ?? names.get(join(root, path));
    if (given !== undefined) unused.delete(given);
    return given !== undefined || (path === '.' && isExact);
  };
  return {
    unused: () => [...unused],
    place: ({ path, kind, target }) => {
      if (kind !== 'folder' && isNamed(path)) return undefined;
      return places.verdictOn({ path: join(root, path), ...(kind === 'link' ? { target } : {}) })?.rule;
    },
    concerns: (path) => isJudgedByContent(join(root, path)) && !isNamed(path),
    content: (path, before, after) => verdictOnContent(join(root, path), before, after)?.rule,
  };
}
