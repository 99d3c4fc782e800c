import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isGone } from '../../kit/open-folder.js';
import { writeNewFile } from '../../kit/write-new-file.js';
import { appliedName } from '../apply/applied-notes.js';
import { discardedName } from '../apply/discarded.js';
import type { SealKey } from './identities.js';
import { readSealedFile, sealedUnreadable, writeSealedFile } from './sealed-file.js';
import { behindLabel, labelled } from './sealed-item.js';

const fileName = 'notes.age';
const noteNames = [discardedName, appliedName] as const;
/** One apply takes 100,000 changes at most. */
const mostBytes = 512 * 1024 ** 2;

/** What was noted of a layer besides: what was discarded and applied, which are names of files. */
export type NoteTexts = Readonly<Record<(typeof noteNames)[number], string>>;

/** Those that stand in a folder in clear; empty where there are none. */
export async function notesIn(folder: string): Promise<NoteTexts> {
  const [discarded, applied] = await Promise.all(noteNames.map((name) => textOf(join(folder, name))));
  return { [discardedName]: discarded ?? '', [appliedName]: applied ?? '' };
}

/** Puts them into a folder in clear. Errors: the kernel's. */
export async function putNotes(folder: string, notes: NoteTexts): Promise<void> {
  for (const name of noteNames) {
    if (notes[name] !== '') await writeNewFile(join(folder, name), notes[name]);
  }
}

/** Takes them away that stand in clear. */
export async function removeNotes(folder: string): Promise<void> {
  for (const name of noteNames) await rm(join(folder, name), { force: true });
}

export function joinedNotes(before: NoteTexts, after: NoteTexts): NoteTexts {
  const joined = (name: (typeof noteNames)[number]) =>
    [before[name], after[name]].filter((text) => text !== '').join('\n');
  return { [discardedName]: joined(discardedName), [appliedName]: joined(appliedName) };
}

export function hasNotes(notes: NoteTexts): boolean {
  return noteNames.some((name) => notes[name] !== '');
}

/** Encrypts them, over those before. Errors: STATE_UNWRITABLE, an AbortError. */
export async function sealNotes(
  folder: string,
  label: string,
  { key, notes, signal }: { readonly key: SealKey; readonly notes: NoteTexts; readonly signal: AbortSignal },
): Promise<void> {
  async function* text() {
    yield Buffer.from(JSON.stringify(notes));
    await Promise.resolve();
  }
  await writeSealedFile(join(folder, fileName), key, labelled(label, text()), signal);
}

/** Errors: SEALED_UNREADABLE, an AbortError. */
export async function unsealNotes(
  folder: string,
  label: string,
  { keys, signal }: { readonly keys: readonly SealKey[]; readonly signal: AbortSignal },
): Promise<NoteTexts> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of behindLabel(label, readSealedFile(join(folder, fileName), keys, signal))) {
    bytes += piece.length;
    if (bytes > mostBytes) throw sealedUnreadable('its notes are too long');
    pieces.push(piece);
  }
  // It is ours, as we wrote it: it was authentic.
  return JSON.parse(Buffer.concat(pieces).toString('utf8')) as NoteTexts;
}

async function textOf(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > mostBytes) throw new RangeError(`${path} is too long`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}
