import { constants } from 'node:fs';
import { lstat, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PaddockError } from '../core/errors.js';
import { sessionIdPattern } from '../core/ids.js';
import { randomBase32 } from '../kit/random-id.js';
import { writeNewFile } from '../kit/write-new-file.js';
import type { Layer } from './changes/layer.js';

const noteName = 'layer.json';
const mostBytes = 64 * 1024;
const decimal = z.string().regex(/^\d{1,25}$/);

const noteSchema = z.strictObject({
  version: z.literal(1),
  session: z.string().regex(sessionIdPattern),
  name: z.string().optional(),
  /** Epoch milliseconds. */
  madeAtMs: z.number(),
  project: z.strictObject({ source: z.string(), dev: decimal, ino: decimal }),
  sinceNs: decimal,
  /** How long it is kept after the session's end; 0: not at all. */
  keepMs: z.number().int().nonnegative(),
  /** Present once the session has ended and left changes. */
  kept: z
    .strictObject({ endedAtMs: z.number(), untilMs: z.number(), bytes: z.number().int().nonnegative() })
    .optional(),
});

/** What is noted beside a session's layer, since it outlives the session's record. */
export type LayerNote = z.infer<typeof noteSchema>;

/** Writes the note of a layer, over the one before. Errors: STATE_UNWRITABLE. */
export async function writeLayerNote(folder: string, note: LayerNote): Promise<void> {
  const path = join(folder, noteName);
  const fresh = `${path}.${randomBase32(8)}.tmp`;
  try {
    await writeNewFile(fresh, JSON.stringify(note));
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw new PaddockError('STATE_UNWRITABLE', `${path} could not be written`, { cause });
  }
}

/** Undefined where there is none, or none that can be read as one: then nobody knows what the layer is of. */
export async function readLayerNote(folder: string): Promise<LayerNote | undefined> {
  const path = join(folder, noteName);
  try {
    const { size } = await lstat(path);
    if (size > mostBytes) return undefined;
    const text = await readFile(path, { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW });
    const parsed = noteSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** The layer that a note is of. */
export function layerFrom(folder: string, note: LayerNote): Layer {
  return { folder, upper: join(folder, 'upper'), project: note.project, sinceNs: BigInt(note.sinceNs) };
}
