import { join } from 'node:path';
import { z } from 'zod';
import { sessionIdPattern } from '../core/ids.js';
import { readNote, writeNote } from '../kit/note-file.js';
import type { Layer } from './changes/layer.js';
import { sealedSchema } from './sealed/sealed.js';

const noteName = 'layer.json';
const decimal = z.string().regex(/^\d{1,25}$/);
/** A HostObject, as notes have it. */
export const hostObject = z.strictObject({ source: z.string(), dev: decimal, ino: decimal });

const noteSchema = z.strictObject({
  version: z.literal(1),
  session: z.string().regex(sessionIdPattern),
  name: z.string().optional(),
  /** The API key that its session belonged to; absent: to the user. */
  apiKey: z.string().optional(),
  /** Epoch milliseconds. */
  madeAtMs: z.number(),
  project: hostObject,
  /** Present where the session writes to a copy of the project; the program of ours that tells what differs in it. */
  copy: z.strictObject({ program: z.string() }).optional(),
  /** What it began with, where that was not the bare project. */
  from: z.string().optional(),
  sinceNs: decimal,
  /** How long it is kept after the session's end; 0: not at all. */
  keepMs: z.number().int().nonnegative(),
  /** The most that the session might add to the disk; absent in older ones. */
  diskBytes: z.number().int().nonnegative().optional(),
  /** Present once the session has ended and left changes. */
  kept: z
    .strictObject({
      ...{ endedAtMs: z.number(), untilMs: z.number(), bytes: z.number().int().nonnegative() },
      /** The code of what kept it from being encrypted, which it was to be. */
      plainBecause: z.string().max(64).optional(),
      /** When that was tried last. */
      triedAtMs: z.number().optional(),
    })
    .optional(),
  /** Present where it is encrypted. */
  sealed: sealedSchema.optional(),
});

/** What is noted beside a session's layer, since it outlives the session's record. */
export type LayerNote = z.infer<typeof noteSchema>;

/** Writes the note of a layer, over the one before. Errors: STATE_UNWRITABLE. */
export function writeLayerNote(folder: string, note: LayerNote): Promise<void> {
  return writeNote(join(folder, noteName), note);
}

/** Undefined where there is none, or none that can be read as one: then nobody knows what the layer is of. */
export function readLayerNote(folder: string): Promise<LayerNote | undefined> {
  return readNote(join(folder, noteName), noteSchema);
}

/** The layer that a note is of. */
export function layerFrom(folder: string, note: LayerNote): Layer {
  const { project, sinceNs, copy } = note;
  const isCopy = copy === undefined ? {} : { isCopy: true as const };
  return { folder, upper: join(folder, 'upper'), ...isCopy, project, sinceNs: BigInt(sinceNs) };
}
