import type { FileHandle } from 'node:fs/promises';
import type { OpenFolder } from '../../kit/open-folder.js';
import type { Entry } from './change.js';
import { isUnreadable } from './comparison.js';
import { stampOf, textOf } from './stamp.js';

/** Larger files are not shown. */
export const mostTextBytes = 1024 ** 2;

/** Why the content of a file is not shown. */
export const notShown = {
  'too-large': `the file is larger than ${mostTextBytes} bytes`,
  binary: 'the file is no text',
  changed: 'the file has changed since it was reviewed',
  unreadable: 'the file can not be read',
} as const;
export type NotShown = keyof typeof notShown;

/** The text of the file that was reviewed at a path, or why there is none. */
export async function textAt(top: OpenFolder, path: string, reviewed: Entry): Promise<{ text: string } | NotShown> {
  if (reviewed.sizeBytes > mostTextBytes) return 'too-large';
  const names = path.split('/');
  const name = names.pop() ?? '';
  try {
    await using folder = await top.down(names);
    const file = await folder.file(name);
    try {
      return await textIn(file, reviewed);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return 'unreadable';
  }
}

async function textIn(file: FileHandle, { stamp, sizeBytes }: Entry): Promise<{ text: string } | NotShown> {
  const isAsReviewed = async () => stampOf(await file.stat({ bigint: true })) === stamp;
  if (!(await isAsReviewed())) return 'changed';
  const bytes = Buffer.alloc(sizeBytes);
  for (let length = 0; length < sizeBytes; ) {
    const { bytesRead } = await file.read(bytes, length, sizeBytes - length, length);
    if (bytesRead === 0) return 'changed';
    length += bytesRead;
  }
  if (!(await isAsReviewed())) return 'changed';
  const text = bytes.includes(0) ? undefined : textOf(bytes);
  return text === undefined ? 'binary' : { text };
}
