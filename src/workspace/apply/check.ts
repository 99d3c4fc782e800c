import type { BigIntStats } from 'node:fs';
import { NotAsExpected, type OpenFolder } from '../../kit/open-folder.js';
import type { Change, Entry } from '../changes/change.js';
import { type FilePlace, hasSameContent } from '../changes/content.js';
import { leadsOut } from '../changes/names.js';
import { stampOf, typeOf } from '../changes/stamp.js';
import type { AppliedNotes } from './applied-notes.js';
import { LeftAlone, leftAlone } from './left-alone.js';
import { inFolder, type Seen, seen } from './seen.js';

/** What is held against the changes. Both folders stay the caller's. */
export interface Sides {
  readonly project: OpenFolder;
  readonly upper: OpenFolder;
  readonly sinceNs: bigint;
  readonly notes: AppliedNotes;
  /** Paths at which the session's version is wanted, whatever the project has. */
  readonly overwrite: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** A change that can be made as things are, with what the project has there at this moment. */
export interface Ready {
  readonly change: Change;
  readonly expect: Seen | null;
  /** What it has at `from`, which is to go; null where that is gone already. */
  readonly expectFrom: Seen | null;
}

/** Undefined: both sides have that already. Errors: LeftAlone. */
export async function check(change: Change, sides: Sides): Promise<Ready | undefined> {
  refuse(change);
  const found = await entryAt(sides.project, change.path);
  const ready = { change, expect: found === undefined ? null : seen(found), expectFrom: null };
  const { before, after } = change;
  if (after === undefined && found === undefined) return undefined;
  if (change.kind === 'renamed') {
    const expectFrom = await renamedFrom(change, sides);
    if (found === undefined || sides.overwrite.has(change.path)) return { ...ready, expectFrom, expect: over(found) };
    throw new LeftAlone('exists');
  }
  if (found !== undefined && before !== undefined && isUnchanged(change.path, found, before, sides)) return ready;
  if (before === undefined && found === undefined) return ready;
  if (kindIsMet(change, found) || (await alreadySame(change, sides))) return undefined;
  if (sides.overwrite.has(change.path)) return { ...ready, expect: over(found) };
  if (found === undefined) throw new LeftAlone('gone');
  throw new LeftAlone(before === undefined ? 'exists' : 'changed-outside');
}

/** Whoever wants the session's version of a file does not mean all that the project has in a folder of that name. */
function over(found: BigIntStats | undefined): Seen | null {
  if (found === undefined) return null;
  if (found.isDirectory()) throw new LeftAlone('in-the-way');
  return seen(found);
}

/** Permissions that are as they would be made need no more: set-user-ID and the like stay behind, and would be a change for ever. */
function kindIsMet({ kind, after, before }: Change, found: BigIntStats | undefined): boolean {
  if (kind !== 'mode' || after === undefined || found === undefined) return false;
  return typeOf(found) === before?.type && Number(found.mode & 0o7777n) === (after.mode & 0o777);
}

function refuse({ path, refused, after }: Change): void {
  if (refused === 'unreadable' || refused === 'link-out' || refused === 'name') throw new LeftAlone(refused);
  if (refused !== undefined || after?.type === 'other') throw new LeftAlone('unsupported');
  if (after?.type === 'link' && leadsOut(after.target ?? '/', path.split('/').length - 1))
    throw new LeftAlone('link-out');
}

async function renamedFrom({ from, before }: Change, sides: Sides): Promise<Seen | null> {
  if (from === undefined || before === undefined) throw new LeftAlone('changed-inside');
  const found = await entryAt(sides.project, from);
  if (found === undefined) return null;
  if (isUnchanged(from, found, before, sides) || sides.overwrite.has(from)) return over(found);
  throw new LeftAlone('changed-outside');
}

/** Whether it is as reviewed, and nobody but us has touched it since the session began to see it. */
function isUnchanged(path: string, found: BigIntStats, before: Entry, { sinceNs, notes }: Sides): boolean {
  const now = seen(found);
  // Its times and its size go with what is in it, which is looked at by itself.
  if (before.type === 'folder') return now.type === 'folder' && now.mode === (before.mode & 0o7777);
  if (stampOf(found) !== before.stamp) return false;
  return found.ctimeNs <= sinceNs || notes.has(path, now);
}

async function alreadySame({ path, kind, after }: Change, sides: Sides): Promise<boolean> {
  if (after === undefined || kind === 'mode') return false;
  try {
    return await inFolder(sides.project, path, (folder, name) => isLike({ folder, name }, path, after, sides));
  } catch (error) {
    // One that can not be compared is a conflict like any other.
    if (error instanceof NotAsExpected || (error instanceof Error && 'code' in error)) return false;
    throw error;
  }
}

/** Whether that is of the same kind, with the same permissions and the same content. */
async function isLike({ folder, name }: FilePlace, path: string, after: Entry, sides: Sides): Promise<boolean> {
  const found = await folder.entry(name);
  if (found === undefined || typeOf(found) !== after.type) return false;
  if (after.type === 'link') return (await folder.target(name)).equals(Buffer.from(after.target ?? ''));
  // What is in it is looked at by itself, and its permissions are the host's.
  if (after.type === 'folder') return true;
  if ((Number(found.mode) & 0o777) !== (after.mode & 0o777)) return false;
  if (Number(found.size) !== after.sizeBytes) return false;
  return inFolder(sides.upper, path, (upper, upperName) =>
    hasSameContent({ folder, name }, { folder: upper, name: upperName }, after.sizeBytes, sides.signal),
  );
}

/** What the project has there; nothing, where a folder on the way is none. */
async function entryAt(project: OpenFolder, path: string): Promise<BigIntStats | undefined> {
  try {
    return await inFolder(project, path, (folder, name) => folder.entry(name));
  } catch (error) {
    if (leftAlone(error, 'project').why === 'parent') return undefined;
    throw leftAlone(error, 'project');
  }
}
