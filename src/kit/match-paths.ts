import type { Glob } from './glob.js';
import { PathNames } from './glob-parts.js';
import type { MatchWork } from './match-work.js';

/**
 * Holds the path of each against each pattern, and tells which of them match, patterns by their numbers. Others go on meanwhile. Errors: those of `work`.
 */
export async function matchPaths<T extends { readonly path: string }>(
  all: Iterable<T>,
  globs: readonly Glob[],
  work: MatchWork,
  onMatch: (one: T, glob: number) => void,
): Promise<void> {
  for (const one of all) {
    work.take(1 + (one.path.length >> 3));
    const names = new PathNames(one.path);
    for (const [number, glob] of globs.entries()) {
      for (const isMeant of glob) {
        // Here, and not once for each path: a pattern with many alternatives takes long for one alone.
        if (work.isDue) await work.rest();
        if (!isMeant(names, work)) continue;
        onMatch(one, number);
        break;
      }
    }
  }
}
