import { type Glob, parseGlob } from '../kit/glob.js';
import type { ShownChoice } from './change-requests.js';
import type { PlaceVerdict, WithheldPlaces } from './withheld.js';

/** What is chosen among: as much of a change as its choice takes. */
export interface Choosable {
  readonly path: string;
  readonly from?: string | undefined;
  readonly after?: { readonly type: string; readonly target?: string | undefined } | undefined;
}

export interface Choice {
  /** Paths, folders with all that is in them, and patterns. None: everything. */
  readonly paths: readonly string[];
  /** Everything, and what `paths` names as well. */
  readonly all: boolean;
  /** Paths at which the session's version is wanted, whatever the project has; they are chosen by that. */
  readonly overwrite: readonly string[];
  /** Instead of `paths` and `all`: these and nothing else, whatever their names look like. `named`: those of them that may be withheld. */
  readonly exactly?: ShownChoice | undefined;
}

export interface Chosen<T> {
  readonly changes: readonly T[];
  /** Those that were given by their own path. */
  readonly named: ReadonlySet<string>;
  readonly withheld: readonly { readonly change: T; readonly verdict: PlaceVerdict }[];
  /** What of the choice names no change at all. */
  readonly unknown: readonly string[];
}

/**
 * Which changes are meant, and which of those are withheld: what the host would execute or trust, unless it is named by its own path.
 * A folder, a pattern and `all` name nothing. Pure.
 */
export function chooseChanges<T extends Choosable>(
  changes: readonly T[],
  choice: Choice,
  places: WithheldPlaces,
): Chosen<T> {
  const byPath = new Map(changes.flatMap((change) => pathsOf(change).map((path) => [path, change])));
  const { exactly } = choice;
  const isAll = exactly === undefined && (choice.all || choice.paths.length === 0);
  const wanted = new Set<T>(isAll ? changes : []);
  const named = new Set<string>(exactly?.named);
  const unknown: string[] = [];
  for (const path of exactly?.paths ?? []) {
    const change = byPath.get(path);
    if (change?.path === path) wanted.add(change);
    else unknown.push(path);
  }
  for (const given of exactly === undefined ? choice.paths : []) {
    const name = given.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
    const own = byPath.get(name);
    // Where something was moved from does not name where it is now.
    if (own?.path === name) named.add(own.path);
    const isMeant = meaningOf(name);
    const found = changes.filter((change) => change === own || pathsOf(change).some(isMeant));
    if (found.length === 0) unknown.push(given);
    for (const change of found) wanted.add(change);
  }
  for (const path of choice.overwrite) {
    const change = byPath.get(path);
    if (change === undefined) unknown.push(path);
    else wanted.add(change);
  }
  const judged = changes
    .filter((change) => wanted.has(change))
    .map((change) => ({ change, verdict: verdictOn(change, named, places) }));
  return {
    changes: judged.flatMap(({ change, verdict }) => (verdict === undefined ? [change] : [])),
    withheld: judged.flatMap(({ change, verdict }) => (verdict === undefined ? [] : [{ change, verdict }])),
    named,
    unknown,
  };
}

function verdictOn(change: Choosable, named: ReadonlySet<string>, places: WithheldPlaces): PlaceVerdict | undefined {
  if (named.has(change.path)) return undefined;
  return places.verdictOn(placeOf(change));
}

/** What decides about a change by its place. */
export function placeOf({ path, from, after }: Choosable) {
  return { path, from, target: after?.type === 'link' ? (after.target ?? '') : undefined };
}

function pathsOf({ path, from }: Choosable): readonly string[] {
  return from === undefined ? [path] : [path, from];
}

function meaningOf(name: string): Glob {
  if (!/[*?]/.test(name)) return (path) => path.startsWith(`${name}/`);
  return parseGlob(name, true) ?? (() => false);
}
