import { constants } from 'node:fs';
import { lstat, readFile, rename, rm } from 'node:fs/promises';
import type { z } from 'zod';
import { PaddockError } from '../core/errors.js';
import { codeOf } from './error-code.js';
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
  return await readNoteSurely(path, schema).catch(() => undefined);
}

/** Undefined where there is none, or what is there is none. Errors: what keeps the kernel from reading it, such as EMFILE, EIO or EACCES: then nobody knows. */
export async function readNoteSurely<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readSmall(path).catch((error: unknown) => {
    if (saysThatNone.has(codeOf(error) ?? '')) return undefined;
    throw error;
  });
  const parsed = text === undefined ? undefined : schema.safeParse(jsonOf(text));
  return parsed?.success === true ? parsed.data : undefined;
}

/** Nothing there, or a link or a folder, which is no note. */
const saysThatNone: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR']);

async function readSmall(path: string): Promise<string | undefined> {
  if ((await lstat(path)).size > mostBytes) return undefined;
  return await readFile(path, { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
