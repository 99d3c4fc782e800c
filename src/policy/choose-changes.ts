import { eachInTurns, filterInTurns, Turns } from '../kit/turns.js';
import type { ShownChoice } from './change-requests.js';
import { meantChanges, pathsOf } from './meant-changes.js';
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
  /** All that are meant, in their order: `changes` and those in `withheld`. */
  readonly meant: readonly T[];
  readonly changes: readonly T[];
  /** Those that were given by their own path. */
  readonly named: ReadonlySet<string>;
  readonly withheld: readonly { readonly change: T; readonly verdict: PlaceVerdict }[];
  /** What of the choice names no change at all. */
  readonly unknown: readonly string[];
}

/**
 * Which changes are meant, and which of those are withheld: what the host would execute or trust, unless it is named by its own path.
 * A folder, a pattern and `all` name nothing. Others go on meanwhile. Errors: those of `meantChanges`.
 */
export async function chooseChanges<T extends Choosable>(
  changes: readonly T[],
  choice: Choice,
  places: WithheldPlaces,
  signal: AbortSignal,
): Promise<Chosen<T>> {
  const turns = new Turns(signal);
  const byPath = new Map<string, T>();
  await eachInTurns(changes, turns, (change) => {
    for (const path of pathsOf(change)) byPath.set(path, change);
  });
  const { exactly, paths, overwrite } = choice;
  const isAll = exactly === undefined && (choice.all || paths.length === 0);
  const given = await meantChanges(changes, byPath, exactly === undefined ? paths : [], signal);
  const wanted = new Set<T>(given.wanted);
  const unknown = [...given.unknown];
  const takeAt = (path: string, isMeant: (change: T) => boolean) => {
    const change = byPath.get(path);
    if (change !== undefined && isMeant(change)) wanted.add(change);
    else unknown.push(path);
  };
  for (const path of exactly?.paths ?? []) takeAt(path, (change) => change.path === path);
  for (const path of overwrite) takeAt(path, () => true);
  const named = new Set([...(exactly?.named ?? []), ...given.named]);
  const meant = isAll ? changes : await filterInTurns(changes, turns, (change) => wanted.has(change));
  return { meant, ...(await judged(meant, named, places, turns)), named, unknown };
}

async function judged<T extends Choosable>(
  meant: readonly T[],
  named: ReadonlySet<string>,
  places: WithheldPlaces,
  turns: Turns,
): Promise<Pick<Chosen<T>, 'changes' | 'withheld'>> {
  const changes: T[] = [];
  const withheld: { change: T; verdict: PlaceVerdict }[] = [];
  await eachInTurns(meant, turns, (change) => {
    const verdict = verdictOn(change, named, places);
    if (verdict === undefined) changes.push(change);
    else withheld.push({ change, verdict });
  });
  return { changes, withheld };
}

function verdictOn(change: Choosable, named: ReadonlySet<string>, places: WithheldPlaces): PlaceVerdict | undefined {
  if (named.has(change.path)) return undefined;
  return places.verdictOn(placeOf(change));
}

/** What decides about a change by its place. */
export function placeOf({ path, from, after }: Choosable) {
  return { path, from, target: after?.type === 'link' ? (after.target ?? '') : undefined };
}
