import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isSnapshotId, type SnapshotId, sessionIdPattern, snapshotIdPattern } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { readNote, writeNote } from '../kit/note-file.js';
import { isGone, OpenFolder } from '../kit/open-folder.js';
import { hostObject } from '../workspace/layer-note.js';
import { sealedSchema } from '../workspace/sealed/sealed.js';

const noteName = 'snapshot.json';
const count = z.number().int().nonnegative();

const noteSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(snapshotIdPattern),
  name: z.string().optional(),
  session: z.string().regex(sessionIdPattern),
  /** The API key that it belongs to; absent: to the user. */
  apiKey: z.string().optional(),
  /** Epoch milliseconds. */
  madeAtMs: z.number(),
  untilMs: z.number(),
  project: hostObject,
  sinceNs: z.string().regex(/^\d{1,25}$/),
  entries: count,
  /** Content that takes room of its own. */
  bytes: count,
  /** What could not be copied: sockets, devices, what its owner can't read. */
  leftOut: count,
  /** SHA-256 over all of it, which the audit log has as well. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Present where it is encrypted. */
  sealed: sealedSchema.optional(),
  /** When it could not be encrypted, in epoch milliseconds. */
  triedAtMs: z.number().optional(),
});

/** What a session had written beside its project at one time. */
export type Snapshot = z.infer<typeof noteSchema>;

/** Writes the note of a snapshot: from then on it is one. Errors: STATE_UNWRITABLE. */
export function writeSnapshotNote(folder: string, snapshot: Snapshot): Promise<void> {
  return writeNote(join(folder, snapshot.id, noteName), snapshot);
}

/** Undefined where there is none, or none that can be read as one. `folder`: its own. */
export function readSnapshotNote(folder: string): Promise<Snapshot | undefined> {
  return readNote(join(folder, noteName), noteSchema);
}

/** What is in the folder of the snapshots. */
interface Shelved {
  readonly id: SnapshotId;
  /** Undefined: `state` says why. */
  readonly snapshot: Snapshot | undefined;
  /** unreadable: with a note that can't be read, maybe of a later version; half-made: without any. */
  readonly state: 'whole' | 'unreadable' | 'half-made';
  readonly madeAtMs: number;
}

/** All that there is, oldest first. */
export async function shelvedIn(folder: string): Promise<readonly Shelved[]> {
  const ids = (await readdir(folder).catch((): string[] => [])).filter(isSnapshotId);
  const all = await Promise.all(ids.map((id) => shelved(folder, id)));
  return all.filter((one) => one !== undefined).sort((a, b) => a.madeAtMs - b.madeAtMs);
}

async function shelved(folder: string, id: SnapshotId): Promise<Shelved | undefined> {
  const snapshot = await readSnapshotNote(join(folder, id));
  if (snapshot?.id === id) return { id, snapshot, state: 'whole', madeAtMs: snapshot.madeAtMs };
  try {
    await using place = await OpenFolder.at(join(folder, id));
    const hasNote = (await place.entry(noteName)) !== undefined;
    const { mtimeMs } = await place.stat();
    return { id, snapshot: undefined, state: hasNote ? 'unreadable' : 'half-made', madeAtMs: Number(mtimeMs) };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** A younger one may be being made. */
const graceMs = 3_600_000;

/** Those whose time is over, and what a crash has left half made. */
export async function overdueIn(folder: string, clock: Clock): Promise<readonly Shelved[]> {
  const nowMs = clock.now();
  return (await shelvedIn(folder)).filter(({ snapshot, state, madeAtMs }) =>
    snapshot === undefined ? state === 'half-made' && nowMs - madeAtMs >= graceMs : snapshot.untilMs <= nowMs,
  );
}
