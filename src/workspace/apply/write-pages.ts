import type { FileHandle } from 'node:fs/promises';

/** No file system that keeps holes has smaller ones. */
const pageBytes = 4096;
const empty = Buffer.alloc(pageBytes);

/**
 * Writes what is not empty of a part of a file to where it belongs, in pages of the file: what is empty stays a hole. A length costs a sandbox
 * nothing, and would cost the disk all of it. The caller sets the length.
 */
export async function writePages(target: FileHandle, part: Uint8Array, from: number): Promise<void> {
  const isEmpty = (at: number) => empty.equals(part.subarray(at, at + pageBytes));
  for (let at = 0; at < part.length; ) {
    if (isEmpty(at)) {
      at += pageBytes;
      continue;
    }
    const start = at;
    while (at < part.length && !isEmpty(at)) at += pageBytes;
    await writeAll(target, part.subarray(start, at), from + start);
  }
}

async function writeAll(target: FileHandle, bytes: Uint8Array, from: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await target.write(bytes, at, bytes.length - at, from + at)).bytesWritten;
  }
}
