import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** Most bytes taken from one /proc or cgroup file, unless a caller says otherwise. */
export const procFileCapBytes = 256 * 1024;

const chunkBytes = 16 * 1024;

/**
 * The text of a kernel file; undefined when it can't be read, and also when it holds more than `capBytes`: half a
 * table must not be judged as if it were the whole. Files in /proc say size 0, so it is read until its end. Not through the
 * thread pool: the kernel makes these texts in memory, within microseconds, and a turn through the pool takes as long as
 * the scheduler likes, four times for each file.
 * Never used on `environ` or `cmdline` of a process that may be hostile without thinking: a process can make these
 * hang by backing its memory with a FUSE file.
 */
export function readProcFile(path: string, capBytes = procFileCapBytes): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const chunks: Buffer[] = [];
    for (let total = 0; total <= capBytes; ) {
      const buffer = Buffer.allocUnsafe(chunkBytes);
      const bytesRead = readSync(file, buffer, 0, chunkBytes, null);
      if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
      total += bytesRead;
      chunks.push(buffer.subarray(0, bytesRead));
    }
    return undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The target of a link, undefined when it can't be read. */
export function readLinkOrNothing(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** The names in a folder of the kernel's, none when it can't be read. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
