import { open, readlink } from 'node:fs/promises';

/** Most bytes taken from one /proc or cgroup file, unless a caller says otherwise. */
export const procFileCapBytes = 256 * 1024;

/**
 * The text of a kernel file; undefined when it can't be read, and also when it holds more than `capBytes`: half a
 * table must not be judged as if it were the whole. Files in /proc say size 0, so it is read until its end.
 * Never used on `environ` or `cmdline` of a process that may be hostile without thinking: a process can make these
 * hang by backing its memory with a FUSE file.
 */
export async function readProcFile(path: string, capBytes = procFileCapBytes): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const chunks: Buffer[] = [];
      let total = 0;
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(16 * 1024));
        if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
        total += bytesRead;
        if (total > capBytes) return undefined;
        chunks.push(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** The target of a link, undefined when it can't be read. */
export async function readLinkOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    return undefined;
  }
}
