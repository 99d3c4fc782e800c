import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { CheckedEntry } from './checked-entries.js';
import type { Tally } from './tally.js';

/** Writes the content and closes the file; its digest. */
export async function filled(
  handle: FileHandle,
  { content, sizeBytes, mtimeMs }: CheckedEntry,
  tally: Tally,
): Promise<string> {
  await using file = handle;
  const sha256 = createHash('sha256');
  let written = 0;
  for await (const chunk of content) {
    sha256.update(chunk);
    for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    written += chunk.length;
    tally.pass(chunk.length);
  }
  if (written !== sizeBytes) throw new Error('the archive breaks off in the midst of a file');
  await file.utimes(mtimeMs / 1000, mtimeMs / 1000);
  return sha256.digest('hex');
}

/** The whole content of what is small. */
export async function wholeOf({ content, sizeBytes }: CheckedEntry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    bytes += chunk.length;
  }
  const [first] = chunks;
  if (bytes !== sizeBytes) throw new Error('the archive breaks off in the midst of a file');
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes);
}
