import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { ConfigError } from '../core/errors.js';

/** A settings file as it was found, through one open descriptor. */
export interface FoundFile {
  readonly text: string;
  readonly ownerUid: number;
  /** Permission bits, for example 0o644. */
  readonly mode: number;
}

export interface FoundFolder extends Omit<FoundFile, 'text'> {
  readonly names: readonly string[];
}

/** How `loadConfig` touches the disk. */
export interface ConfigEffects {
  /**
   * Reads a regular file; undefined when there is none. Throws ConfigError `BAD_CONFIG` when something is there that
   * can't be read as one: not permitted, a folder, a FIFO, too large, or a link while `followLinks` is false.
   */
  readFile(path: string, followLinks: boolean): Promise<FoundFile | undefined>;
  /** What lies in a folder; undefined when there is none. Throws ConfigError `BAD_CONFIG` as `readFile` does. */
  readFolder(path: string, followLinks: boolean): Promise<FoundFolder | undefined>;
}

const mostBytes = 256 * 1024;

export const diskEffects: ConfigEffects = {
  readFile: (path, followLinks) =>
    opened(path, followLinks, async (file, stats) => {
      if (!stats.isFile()) throw notOne(path, 'is not a regular file');
      if (stats.size > mostBytes) throw notOne(path, 'is too large');
      return { text: await file.readFile('utf8'), ...writersOf(stats) };
    }),
  readFolder: (path, followLinks) =>
    opened(path, followLinks, async (file, stats) => {
      if (!stats.isDirectory()) throw notOne(path, 'is not a folder');
      // By the descriptor: what is listed is what was looked at.
      return { names: (await readdir(`/proc/self/fd/${file.fd}`)).sort(), ...writersOf(stats) };
    }),
};

async function opened<T>(
  path: string,
  followLinks: boolean,
  read: (file: FileHandle, stats: Stats) => Promise<T>,
): Promise<T | undefined> {
  // NONBLOCK: opening a FIFO that nobody writes would hang.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW);
  try {
    await using file = await open(path, flags);
    return await read(file, await file.stat());
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (thrown instanceof ConfigError) throw thrown;
    throw notOne(path, code === 'ELOOP' ? 'is a symbolic link' : `can't be read (${String(code)})`, thrown);
  }
}

function writersOf({ uid, mode }: Stats): Pick<FoundFile, 'ownerUid' | 'mode'> {
  return { ownerUid: uid, mode: mode & 0o7777 };
}

function notOne(path: string, why: string, cause?: unknown): ConfigError {
  return new ConfigError('BAD_CONFIG', `${path} ${why}`, { info: { file: path }, cause });
}
