import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { toPaddockError } from '../core/errors.js';
import { undefinedIfMissing } from './file-checks.js';
import { readTail, tailBytes } from './file-tail.js';
import { logFile } from './log-files.js';
import type { Follows } from './record.js';

/**
 * What the first record of a chain in file `number` says of the file before. Read once file `number` is there: every
 * record that its writer takes for written is then below the line that is named, or its writer goes on here as well.
 */
export async function readFollows(logPath: string, number: number): Promise<Follows | undefined> {
  if (number === 0) return undefined;
  const before = logFile(logPath, number - 1);
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(before.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(undefinedIfMissing);
  if (handle === undefined) return { file: before.number };
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - tailBytes);
    const buffer = Buffer.alloc(size - from);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
    const { lastLineSha256 } = readTail(before.path, buffer.subarray(0, bytesRead), from === 0);
    return { file: before.number, ...(lastLineSha256 === undefined ? {} : { line: lastLineSha256 }) };
  } catch (error) {
    // Somebody damaged a file that is written no more: `verify` names it, and the log goes on.
    if (toPaddockError(error).code === 'AUDIT_BROKEN') return { file: before.number };
    throw error;
  } finally {
    await handle.close();
  }
}
