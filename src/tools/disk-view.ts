import { z } from 'zod';
import { diskText } from '../session/disk/disk-words.js';
import type { Session } from '../session/session.js';

/** What a session has added to the disk, as of the last count. */
export const diskView = z.object({
  usedBytes: z.number(),
  limitBytes: z.number(),
  inodes: z.number(),
  limitInodes: z.number(),
  countedAt: z.string(),
});

/** Undefined where nothing on the disk can be written, and before the first count. */
export function viewDisk({ disk }: Session): z.output<typeof diskView> | undefined {
  const usage = disk?.usage;
  if (usage === undefined) return undefined;
  const { bytes, inodes, limits, countedAtMs } = usage;
  const countedAt = new Date(countedAtMs).toISOString();
  return { usedBytes: bytes, limitBytes: limits.bytes, inodes, limitInodes: limits.inodes, countedAt };
}

export function diskLines({ disk }: Session): string[] {
  if (disk === undefined) return [];
  return [`disk: added ${disk.usage === undefined ? 'so much that it is still being counted' : diskText(disk.usage)}`];
}
