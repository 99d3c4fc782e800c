import { join } from 'node:path';
import { differsInRunning, isPackageJson } from '../../policy/package-json.js';
import { WithheldPlaces } from '../../policy/withheld.js';
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

/** Withholds what the host would execute or trust later, as when changes are applied. By whole paths of the host: what a copy goes into counts. */
export function placeJudge({ root, isExact, named, withhold }: JudgeOptions): PlaceJudge {
  const places = new WithheldPlaces(withhold);
  const names = new Set(named.map((path) => path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '')));
  const isNamed = (path: string) => (path === '.' ? isExact : names.has(path) || names.has(join(root, path)));
  return {
    place: ({ path, kind, target }) => {
      if (kind !== 'folder' && isNamed(path)) return undefined;
      return places.verdictOn({ path: join(root, path), ...(kind === 'link' ? { target } : {}) })?.rule;
    },
    concerns: (path) => isPackageJson(join(root, path)) && !isNamed(path),
    content: (_path, before, after) =>
      differsInRunning(before, after).length === 0 ? undefined : 'withheld.package-json',
  };
}
