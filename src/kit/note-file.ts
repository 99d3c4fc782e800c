import { constants } from 'node:fs';
import { lstat, readFile, rename, rm } from 'node:fs/promises';
import type { z } from 'zod';
import { PaddockError } from '../core/errors.js';
import { randomBase32 } from './random-id.js';
import { writeNewFile } from './write-new-file.js';

const mostBytes = 64 * 1024;

/** Writes a small JSON file of ours, over the one before: whoever reads sees the old one or the new one. Errors: STATE_UNWRITABLE. */
export async function writeNote(path: string, note: unknown): Promise<void> {
  const fresh = `${path}.${randomBase32(8)}.tmp`;
  try {
    await writeNewFile(fresh, JSON.stringify(note));
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw new PaddockError('STATE_UNWRITABLE', `${path} could not be written`, { cause });
  }
}

/** Undefined where there is none, or none that can be read as one. */
export async function readNote<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    if ((await lstat(path)).size > mostBytes) return undefined;
    const text = await readFile(path, { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW });
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
