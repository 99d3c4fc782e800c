import { codeOf } from '../../kit/error-code.js';
import { isGone, NotAsExpected, type OpenFolder } from '../../kit/open-folder.js';
import type { Turns } from '../../kit/turns.js';
import type { Change, CutReason, Entry, Refusal } from './change.js';
import { hasSameContent } from './content.js';
import type { Lanes } from './lanes.js';
import { leadsOut, pathBelow, type ShownPath } from './names.js';
import type { Settling } from './settling.js';
import { type EntryFacts, entryOf, typeOf } from './stamp.js';
import type { UpperEntry } from './upper-tree.js';

/** What one review works with, and what it has found. */
export interface Findings {
  readonly changes: Change[];
  readonly cuts: Set<CutReason>;
  readonly settling: Settling;
  readonly lanes: Lanes;
  readonly turns: Turns;
  readonly signal: AbortSignal;
  /** When the layer was begun to be listed, in milliseconds by the clock. */
  readonly listedSinceMs: number;
  readonly now: () => number;
  /** How many entries of the project may still be listed. */
  leftEntries: number;
}

/** A folder on both sides, open. */
export interface Place {
  readonly path: ShownPath;
  readonly depth: number;
  readonly upper: OpenFolder;
  /** Undefined where the project has no folder there. */
  readonly project: OpenFolder | undefined;
}

export interface Sides {
  readonly before?: Entry;
  readonly after?: Entry;
}

const unreadableCodes = ['ENOENT', 'EACCES', 'EPERM', 'EIO', 'ESTALE', 'ENAMETOOLONG', 'ENOTDIR', 'ELOOP'];

/** Whether that is why nothing can be said of one entry; anything else, such as no descriptor left, is of the whole review. */
export function isUnreadable(error: unknown): boolean {
  if (error instanceof NotAsExpected) return true;
  return unreadableCodes.includes(codeOf(error) ?? '');
}

export function addChange(
  { changes }: Findings,
  path: ShownPath,
  kind: Change['kind'],
  { before, after }: Sides,
  refused?: Refusal,
): void {
  const why = path.isPlain ? refused : 'name';
  changes.push({
    ...{ path: path.path, kind },
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    ...(why === undefined ? {} : { refused: why }),
  });
}

/** What the project has under a name; undefined where that is nothing. */
export async function lookAtProject(folder: OpenFolder | undefined, name: Buffer, findings: Findings) {
  if (folder === undefined) return undefined;
  const since = findings.now();
  const facts = await folder.entry(name);
  const again = () => folder.entry(name);
  const look = facts === undefined ? undefined : await findings.settling.settled(facts, since, again);
  if (look === undefined) return undefined;
  const target = typeOf(look.facts) === 'link' ? await targetOf(folder, name, findings) : undefined;
  return { facts: look.facts, entry: entryOf(look.facts, look.stamp, target), target };
}

/** Undefined where the link has gone since it was seen, or is something else by now: somebody changes the project meanwhile. */
async function targetOf(folder: OpenFolder, name: Buffer, { cuts }: Findings): Promise<Buffer | undefined> {
  try {
    return await folder.target(name);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    cuts.add('changing');
    return undefined;
  }
}

/** What the layer has there. When it has become another kind of thing meanwhile, or is gone, it counts as it was listed. */
async function lookAtUpper(place: Place, listed: UpperEntry, findings: Findings) {
  const again = async (): Promise<EntryFacts | undefined> => {
    const facts = await place.upper.entry(listed.name);
    return facts !== undefined && typeOf(facts) === typeOf(listed.facts) ? facts : undefined;
  };
  // The times of a folder are no part of its stamp.
  if (typeOf(listed.facts) === 'folder') return entryOf(listed.facts);
  const look = await findings.settling.settled(listed.facts, findings.listedSinceMs, again);
  if (look === undefined) findings.cuts.add('changing');
  return entryOf(look?.facts ?? listed.facts, look?.stamp, listed.target);
}

/** Compares one entry of the layer, which is no mark, with what the project has; folders themselves and not what is in them. */
export async function compareEntry(place: Place, listed: UpperEntry, findings: Findings): Promise<Entry | undefined> {
  const path = pathBelow(place.path, listed.name);
  const after = await lookAtUpper(place, listed, findings);
  try {
    const found = await lookAtProject(place.project, listed.name, findings);
    const before = found?.entry;
    if (found === undefined || before === undefined) {
      addChange(findings, path, 'added', { after }, refusalOf(after, place.depth));
      return undefined;
    }
    const kind = await kindOf(place, listed, after, found, findings);
    if (kind !== undefined) addChange(findings, path, kind, { before, after }, refusalOf(after, place.depth));
    return before;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    addChange(findings, path, 'modified', { after }, 'unreadable');
    return undefined;
  }
}

type Found = NonNullable<Awaited<ReturnType<typeof lookAtProject>>>;

async function kindOf(
  place: Place,
  listed: UpperEntry,
  after: Entry,
  found: Found,
  findings: Findings,
): Promise<'modified' | 'mode' | undefined> {
  const before = found.entry;
  if (before.type !== after.type) return 'modified';
  if (after.type === 'link') return found.target?.equals(listed.target) === true ? undefined : 'modified';
  if (after.type === 'file' && !(await isSameFile(place, listed.name, [before, after], findings))) return 'modified';
  return before.mode === after.mode ? undefined : 'mode';
}

async function isSameFile(
  { upper, project }: Place,
  name: Buffer,
  [before, after]: readonly [Entry, Entry],
  { signal }: Findings,
): Promise<boolean> {
  if (before.sizeBytes !== after.sizeBytes || project === undefined) return false;
  if (after.sizeBytes === 0) return true;
  return await hasSameContent({ folder: upper, name }, { folder: project, name }, after.sizeBytes, signal);
}

function refusalOf(after: Entry, depth: number): Refusal | undefined {
  if (after.type === 'other') return 'type';
  if (after.type !== 'link') return undefined;
  if (after.target === undefined) return 'name';
  return leadsOut(after.target, depth) ? 'link-out' : undefined;
}

/** Opens a folder below another; undefined where it is gone, closed to us, or something else by now. */
export async function openBelow(parent: OpenFolder | undefined, name: Buffer): Promise<OpenFolder | undefined> {
  return await parent?.folder(name).catch((error: unknown) => {
    if (isUnreadable(error) || isGone(error)) return undefined;
    throw error;
  });
}
