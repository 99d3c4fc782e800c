import { type BigIntStats, constants, lstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { recordSchema, type SessionRecord } from './record.js';

/** A longer one is no record. */
export const maxRecordBytes = 256 * 1024;

interface Read {
  readonly stamp: string;
  /** Undefined: what is there is no record. */
  readonly record: SessionRecord | undefined;
}

/**
 * Reads records as they are now, and one that was not written since the last time not again: a look at all of a user's sessions comes
 * several times a second while somebody waits for room. What tells is what the kernel notes of a file when it is replaced or written;
 * setting its times back does not deceive it. Records are frozen, since several may hold the same one.
 */
export class RecordReader {
  readonly #known = new Map<string, Read>();

  /** Undefined when there is none, or none that can be read as one. */
  async read(path: string): Promise<SessionRecord | undefined> {
    const stamp = stampAt(path);
    const known = this.#known.get(path);
    if (stamp !== undefined && known?.stamp === stamp) return known.record;
    const read = stamp === undefined ? undefined : await readAnew(path);
    if (read === undefined) this.#known.delete(path);
    else this.#known.set(path, read);
    return read?.record;
  }

  /** Forgets all but these. */
  keepOnly(paths: readonly string[]): void {
    const kept = new Set(paths);
    for (const path of this.#known.keys()) if (!kept.has(path)) this.#known.delete(path);
  }
}

/** Taken without the thread pool, whose turns take longer than this. */
function stampAt(path: string): string | undefined {
  try {
    const status = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return status && stampOf(status);
  } catch {
    return undefined;
  }
}

/**
 * The time of the inode changes with every rename, write and change of rights, and nobody can set it. Only an inode that is given out
 * again within a tick of the kernel's clock, for as long a text, would look the same: between two saves there is a wait for the disk.
 */
function stampOf({ dev, ino, size, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, ctimeNs].join(' ');
}

/** The stamp is that of the open file, taken before it is read: what is written meanwhile shows at the next look. */
async function readAnew(path: string): Promise<Read | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (file === undefined) return undefined;
  try {
    const status = await file.stat({ bigint: true });
    const isOurs = status.isFile() && status.size <= maxRecordBytes && Number(status.uid) === process.getuid?.();
    if (!isOurs) return undefined;
    return { stamp: stampOf(status), record: parse(await file.readFile('utf8')) };
  } finally {
    await file.close();
  }
}

function parse(text: string): SessionRecord | undefined {
  try {
    const result = recordSchema.safeParse(JSON.parse(text));
    return result.success ? frozen(result.data) : undefined;
  } catch {
    return undefined;
  }
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
