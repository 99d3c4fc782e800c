import { closeSync, openSync, readSync } from 'node:fs';
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

/** The same at once, for the short files of the kernel's own that are read with every command. */
export function readProcFileNow(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const buffer = Buffer.allocUnsafe(16 * 1024);
    for (let length = 0; length < buffer.length; ) {
      const bytesRead = readSync(file, buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return buffer.toString('utf8', 0, length);
      length += bytesRead;
    }
    return undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
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
