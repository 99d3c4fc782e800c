import type { Glob } from './glob.js';
import { PathNames } from './glob-parts.js';
import type { MatchWork } from './match-work.js';

/**
 * Holds each path against each pattern, and tells by their numbers which of them match. Others go on meanwhile. Errors: those of `work`.
 */
export async function matchPaths(
  paths: Iterable<string>,
  globs: readonly Glob[],
  work: MatchWork,
  onMatch: (path: number, glob: number) => void,
): Promise<void> {
  let at = -1;
  for (const path of paths) {
    at += 1;
    work.take(1 + (path.length >> 3));
    const names = new PathNames(path);
    for (const [number, glob] of globs.entries()) {
      for (const isMeant of glob) {
        // Here, and not once for each path: a pattern with many alternatives takes long for one alone.
        if (work.isDue) await work.rest();
        if (!isMeant(names, work)) continue;
        onMatch(at, number);
        break;
      }
    }
  }
}
