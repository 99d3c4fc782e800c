import { statfs } from 'node:fs/promises';

/** What file systems have left. */
export interface FreeSpace {
  readonly bytes: number;
  /** 0 where a file system sets no number (btrfs). */
  readonly inodes: number;
}

/** What is free on the file systems of these descriptors, each file system once: one call for each. */
export async function freeSpaceOf(fds: readonly number[]): Promise<FreeSpace> {
  const found = await Promise.all(fds.map((fd) => statfs(`/proc/self/fd/${fd}`)));
  return {
    bytes: found.reduce((sum, { bfree, bsize }) => sum + bfree * bsize, 0),
    inodes: found.reduce((sum, { ffree }) => sum + ffree, 0),
  };
}
