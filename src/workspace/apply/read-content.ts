import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { OpenFolder } from '../../kit/open-folder.js';

const chunkBytes = 256 * 1024;

/** What was read of a file, at most as much as was asked for. */
export interface Content {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Reads a file from where it stands, and never more than `mostBytes` and one, however it grows meanwhile: that one is given
 * in the size, not in the hash. What is read goes to `onChunk`, which must be done with it when it returns.
 */
export async function readContent(
  file: FileHandle,
  mostBytes: number,
  onChunk: (chunk: Uint8Array) => Promise<unknown> = () => Promise.resolve(),
): Promise<Content> {
  const hash = createHash('sha256');
  // Not larger than the file: many of them would have V8 look through its whole heap again and again.
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(chunkBytes, mostBytes)));
  let sizeBytes = 0;
  for (;;) {
    const room = Math.min(buffer.length, mostBytes - sizeBytes);
    if (room === 0) break;
    const { bytesRead } = await file.read(buffer, 0, room, null);
    if (bytesRead === 0) return { sha256: hash.digest('hex'), sizeBytes };
    sizeBytes += bytesRead;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await onChunk(chunk);
  }
  const { bytesRead } = await file.read(buffer, 0, 1, null);
  return { sha256: hash.digest('hex'), sizeBytes: sizeBytes + bytesRead };
}

/** What a small file holds, for it to be judged; undefined for what is larger than that. */
export async function smallContent(
  folder: OpenFolder,
  name: string,
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  const file = await folder.file(name);
  try {
    const chunks: Buffer[] = [];
    const { sizeBytes } = await readContent(file, mostBytes, (chunk) => {
      chunks.push(Buffer.from(chunk));
      return Promise.resolve();
    });
    return sizeBytes > mostBytes ? undefined : Buffer.concat(chunks);
  } finally {
    await file.close();
  }
}
