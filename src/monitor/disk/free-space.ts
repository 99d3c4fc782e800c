import { statfs } from 'node:fs/promises';

/** What file systems have left. */
export interface FreeSpace {
  readonly bytes: number;
  /** 0 where a file system sets no number (btrfs). */
  readonly inodes: number;
}

/** What is free on the file systems of these folders, each file system once: one call for each. */
export async function freeSpaceOf(
  folders: readonly { readonly fd: number; readonly dev: number }[],
): Promise<FreeSpace> {
  const byDevice = new Map(folders.map(({ fd, dev }) => [dev, fd]));
  const found = await Promise.all([...byDevice.values()].map((fd) => statfs(`/proc/self/fd/${fd}`)));
  return {
    bytes: found.reduce((sum, { bfree, bsize }) => sum + bfree * bsize, 0),
    inodes: found.reduce((sum, { ffree }) => sum + ffree, 0),
  };
}
