import { statfs } from 'node:fs/promises';
import { readProcFile } from '../../kit/proc/read.js';

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

/**
 * What the processes have written to file systems that keep it on a disk, what is not yet written back and what was written through
 * a mapping included (write_bytes of /proc/PID/io; a tmpfs does not count). A process passes its sum on to the one that waits for
 * it. Undefined when the kernel does not tell.
 */
export function writtenBy(pids: readonly number[], procRoot = '/proc'): number | undefined {
  let sum: number | undefined;
  for (const pid of pids) {
    const written = /^write_bytes: (\d+)$/m.exec(readProcFile(`${procRoot}/${pid}/io`) ?? '')?.[1];
    if (written !== undefined) sum = (sum ?? 0) + Number(written);
  }
  return sum;
}
