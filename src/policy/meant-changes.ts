import { PaddockError } from '../core/errors.js';
import { type Glob, parseGlob } from '../kit/glob.js';
import { matchPaths } from '../kit/match-paths.js';
import { MatchWork } from '../kit/match-work.js';

/** In one call. Names without wildcards may be many: somebody picks files from a list. */
const mostPatterns = 100;

interface Moved {
  readonly path: string;
  readonly from?: string | undefined;
}

interface Meant<T> {
  readonly wanted: ReadonlySet<T>;
  /** Those that were given by their own path. */
  readonly named: ReadonlySet<string>;
  /** What was given and means no change at all. */
  readonly unknown: readonly string[];
}

/**
 * Which changes are meant by paths, by folders, with all that is in them, and by patterns. `byPath`: the changes by both their paths. Errors:
 * BAD_ARGUMENT where those are more patterns than 100, or take too long.
 */
export async function meantChanges<T extends Moved>(
  changes: readonly T[],
  byPath: ReadonlyMap<string, T>,
  given: readonly string[],
  signal: AbortSignal,
): Promise<Meant<T>> {
  const names = given.map(plainName);
  const [wanted, named, found] = [new Set<T>(), new Set<string>(), new Set<string>()];
  const take = (change: T, name: string) => {
    wanted.add(change);
    found.add(name);
  };
  for (const name of names) {
    const own = byPath.get(name);
    if (own === undefined) continue;
    take(own, name);
    // Where something was moved from does not name where it is now.
    if (own.path === name) named.add(own.path);
  }
  const all = new Set(names);
  const folders = new Set([...all].filter((name) => !isPattern(name)));
  const work = new MatchWork(signal);
  if (folders.size > 0) await belowFolders(changes, folders, work, take);
  if (folders.size < all.size) await byPatterns(changes, [...all].filter(isPattern), work, take);
  return { wanted, named, unknown: given.filter((_, at) => !found.has(names[at] ?? '')) };
}

type Take<T> = (change: T, name: string) => void;

/** Looks only at beginnings that are as long as one of the folders: each path once, however many folders there are. */
async function belowFolders<T extends Moved>(
  changes: readonly T[],
  folders: ReadonlySet<string>,
  work: MatchWork,
  take: Take<T>,
): Promise<void> {
  const lengths = [...new Set([...folders].map(({ length }) => length))].sort((a, b) => a - b);
  for (const change of changes) {
    if (work.isDue) await work.rest();
    for (const path of pathsOf(change)) {
      work.take(1);
      for (const length of lengths) {
        if (length >= path.length) break;
        work.take(1);
        if (path[length] !== '/') continue;
        const folder = path.slice(0, length);
        work.take(length);
        if (folders.has(folder)) take(change, folder);
      }
    }
  }
}

async function byPatterns<T extends Moved>(
  changes: readonly T[],
  patterns: readonly string[],
  work: MatchWork,
  take: Take<T>,
): Promise<void> {
  if (patterns.length > mostPatterns) {
    throw new PaddockError('BAD_ARGUMENT', `${patterns.length} patterns are more than ${mostPatterns}`, {
      hint: 'Give fewer patterns, or name files and folders.',
    });
  }
  const globs = patterns.map((pattern): Glob => parseGlob(pattern, true) ?? []);
  await matchPaths(waysTo(changes), globs, work, ({ change }, pattern) => take(change, patterns[pattern] ?? ''));
}

function* waysTo<T extends Moved>(changes: readonly T[]): Generator<{ readonly change: T; readonly path: string }> {
  for (const change of changes) for (const path of pathsOf(change)) yield { change, path };
}

/** Both, where it was moved. */
export function pathsOf({ path, from }: Moved): readonly string[] {
  return from === undefined ? [path] : [path, from];
}

function isPattern(name: string): boolean {
  return /[*?]/.test(name);
}

function plainName(given: string): string {
  const name = given.replace(/^(?:\.\/)+/, '');
  let end = name.length;
  while (name[end - 1] === '/') end -= 1;
  return name.slice(0, end);
}
