import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { AuditError } from '../core/errors.js';
import { codeOf } from '../kit/error-code.js';
import { safeLine } from '../kit/safe-text.js';
import { maxLineBytes } from './record.js';

export interface Line {
  /** Where it begins, in bytes from the start of the stream. */
  readonly offsetBytes: number;
  /** Its bytes without the newline; the first `maxLineBytes` when it is longer. */
  readonly bytes: Buffer;
  readonly isWhole: boolean;
  /** False for what stands behind the last newline. */
  readonly hasNewline: boolean;
}

/** Cuts a byte stream into lines, holding one line at a time, and of a long one only the beginning. */
export async function* readLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let lengthBytes = 0;
  let offsetBytes = 0;
  const hold = (part: Buffer) => {
    lengthBytes += part.length;
    const kept = part.subarray(0, maxLineBytes - heldBytes);
    if (kept.length > 0) held.push(Buffer.from(kept));
    heldBytes += kept.length;
  };
  const take = (hasNewline: boolean): Line => {
    const line = { offsetBytes, bytes: Buffer.concat(held), isWhole: heldBytes === lengthBytes, hasNewline };
    offsetBytes += lengthBytes + 1;
    [held, heldBytes, lengthBytes] = [[], 0, 0];
    return line;
  };
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = buffer.indexOf(0x0a); end >= 0; end = buffer.indexOf(0x0a, start)) {
      hold(buffer.subarray(start, end));
      start = end + 1;
      yield take(true);
    }
    hold(buffer.subarray(start));
  }
  if (lengthBytes > 0) yield take(false);
}

/**
 * The bytes of a log as it is now: what is appended while it is read is left for the next time. Links and everything
 * but regular files are refused (a FIFO would hang). AUDIT_UNWRITABLE is not thrown here: what can't be read is
 * BAD_ARGUMENT. `start` picks where to begin, given the file and its size; `mostBytes` is where to end at the latest.
 */
export async function* readBytes(
  path: string,
  start: (handle: FileHandle, sizeBytes: number) => Promise<number> = () => Promise.resolve(0),
  mostBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  const handle = await openForReading(path);
  try {
    const size = Math.min((await handle.stat()).size, mostBytes);
    let at = await start(handle, size);
    while (at < size) {
      const buffer = Buffer.alloc(Math.min(65_536, size - at));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY).catch((cause: unknown) => {
    throw new AuditError('BAD_ARGUMENT', `${safeLine(path)} can't be read: ${codeOf(cause) ?? 'no reason'}`, { cause });
  });
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new AuditError('BAD_ARGUMENT', `${safeLine(path)} is not a regular file`);
}
