import type { BigIntStats } from 'node:fs';
import { OpenFolder } from '../../kit/open-folder.js';
import { type Layer, notesOf } from '../changes/layer.js';
import { stampOf, typeOf } from '../changes/stamp.js';
import { AppliedNotes } from './applied-notes.js';
import { DiscardMarks, goneMark, type Mark } from './discarded.js';
import { inFolder } from './seen.js';

/** A layer or a snapshot: its folder, and what was written. */
type Marked = Pick<Layer, 'folder' | 'upper' | 'notes' | 'lasting'>;

/**
 * Notes in a copy what was discarded and applied in what it is a copy of. What we have put into the project is nobody else's change for the copy either,
 * as long as it is still that very entry, untouched: the copy has all that was written until then. What is applied later is noted where it was applied
 * alone, and is a conflict for the other one. Nobody else may work on either, from before the copy is made.
 */
export async function carryMarks(from: Marked, to: Marked): Promise<void> {
  await (await AppliedNotes.of(notesOf(from))).carryTo(notesOf(to));
  await carryDiscarded(from, to);
}

/** That is no change in the copy either. A mark says which entry was meant, so each is made out anew; one whose entry has changed since, or was not copied, says nothing any more. */
async function carryDiscarded(from: Marked, to: Marked): Promise<void> {
  const { all } = await DiscardMarks.of(notesOf(from));
  if (all.length === 0) return;
  await using base = await OpenFolder.at(from.upper);
  await using copy = await OpenFolder.at(to.upper);
  const carried: Mark[] = [];
  for (const mark of all) {
    const was = await carriedStamp(mark, from.lasting, base, copy);
    if (was !== undefined) carried.push({ path: mark.path, was });
  }
  await (await DiscardMarks.of(notesOf(to))).note(carried);
}

/** The marks of a layer that is about to be encrypted, as they are to be found once it is opened again; `lasting`: what stands for all its entries. */
export async function lastingMarks(from: Marked, lasting: string): Promise<readonly Mark[]> {
  const { all } = await DiscardMarks.of(notesOf(from));
  if (all.length === 0) return [];
  await using base = await OpenFolder.at(from.upper);
  const marks: Mark[] = [];
  for (const { path, was } of all) {
    const found = was.startsWith(goneMark) ? undefined : await entryAt(base, path);
    if (was.startsWith(goneMark)) marks.push({ path, was });
    else if (found !== undefined && stampOf(found) === was) marks.push({ path, was: lasting });
  }
  return marks;
}

async function carriedStamp(
  { path, was }: Mark,
  lasting: string | undefined,
  base: OpenFolder,
  copy: OpenFolder,
): Promise<string | undefined> {
  // That is of the project, which is the same.
  if (was.startsWith(goneMark)) return was;
  const found = await entryAt(base, path);
  if (found === undefined || (was !== lasting && stampOf(found) !== was)) return undefined;
  const copied = await entryAt(copy, path);
  return copied !== undefined && isCopyOf(copied, found) ? stampOf(copied) : undefined;
}

function isCopyOf(copied: BigIntStats, { mode, size, mtimeNs }: BigIntStats): boolean {
  if (copied.mode !== mode) return false;
  return typeOf(copied) === 'folder' || (copied.size === size && copied.mtimeNs === mtimeNs);
}

/** What can't be looked at is not known to have been meant. */
async function entryAt(top: OpenFolder, path: string): Promise<BigIntStats | undefined> {
  return inFolder(top, path, (folder, name) => folder.entry(name)).catch(() => undefined);
}
