import { statfs } from 'node:fs/promises';
import { PaddockError } from '../../core/errors.js';
import { formatBytes } from '../../core/units.js';
import type { OpenFolder } from '../../kit/open-folder.js';
import type { Ready } from './check.js';
import { inFolder } from './seen.js';

/** How much room there is on the disk that a folder is on, in bytes. */
export type RoomOn = (folder: string) => Promise<number>;

/** As the kernel says, for who is not root. */
export async function roomOn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

interface Wanted {
  readonly ready: readonly Ready[];
  readonly upper: OpenFolder;
  readonly project: OpenFolder;
}

/**
 * Refuses what would fill the disk of the project before it is too much: until the last change is made, everything lies there twice. Errors:
 * PROJECT_UNWRITABLE.
 */
export async function expectRoom({ ready, upper, project }: Wanted, room: RoomOn = roomOn): Promise<void> {
  const files = ready.filter(({ change: { kind, after } }) => kind !== 'mode' && after?.type === 'file');
  const freeBytes = await room(`/proc/self/fd/${project.fd}`);
  const longBytes = files.reduce((sum, { change }) => sum + (change.after?.sizeBytes ?? 0), 0);
  if (longBytes <= freeBytes) return;
  // Holes stay holes, and are in the length: so only where that is too much each file is looked at.
  let bytes = 0;
  for (const { change } of files) bytes += await takenBy(upper, change.path, change.after?.sizeBytes ?? 0);
  if (bytes <= freeBytes) return;
  throw new PaddockError(
    'PROJECT_UNWRITABLE',
    `the changes take ${formatBytes(bytes)}, and the disk of the project has ${formatBytes(freeBytes)} left`,
    { hint: 'Make room there, or apply them in parts.', info: { bytes, freeBytes } },
  );
}

/** What has gone or changed meanwhile is found out when it is copied. */
async function takenBy(upper: OpenFolder, path: string, sizeBytes: number): Promise<number> {
  const found = await inFolder(upper, path, (folder, name) => folder.entry(name)).catch(() => undefined);
  return found === undefined ? sizeBytes : Math.min(sizeBytes, Number(found.blocks) * 512);
}
