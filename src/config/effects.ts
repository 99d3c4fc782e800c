import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { ConfigError } from '../core/errors.js';

/** A settings file as it was found, through one open descriptor. */
export interface FoundFile {
  readonly text: string;
  readonly ownerUid: number;
  /** Permission bits, for example 0o644. */
  readonly mode: number;
}

/** How `loadConfig` touches the disk. */
export interface ConfigEffects {
  /**
   * Reads a regular file; undefined when there is none. Throws ConfigError `BAD_CONFIG` when something is there that
   * can't be read as one: not permitted, a folder, a FIFO, too large, or a link while `followLinks` is false.
   */
  readFile(path: string, followLinks: boolean): Promise<FoundFile | undefined>;
}

const mostBytes = 256 * 1024;

export const diskEffects: ConfigEffects = {
  async readFile(path, followLinks) {
    // NONBLOCK: opening a FIFO that nobody writes would hang.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW);
    try {
      await using file = await open(path, flags);
      const stats: Stats = await file.stat();
      if (!stats.isFile())
        throw new ConfigError('BAD_CONFIG', `${path} is not a regular file`, { info: { file: path } });
      if (stats.size > mostBytes) throw new ConfigError('BAD_CONFIG', `${path} is too large`, { info: { file: path } });
      const text = await file.readFile('utf8');
      return { text, ownerUid: stats.uid, mode: stats.mode & 0o7777 };
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      if (thrown instanceof ConfigError) throw thrown;
      const reason = code === 'ELOOP' ? 'is a symbolic link' : `can't be read (${String(code)})`;
      throw new ConfigError('BAD_CONFIG', `${path} ${reason}`, { info: { file: path }, cause: thrown });
    }
  },
};
