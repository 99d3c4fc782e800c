import { statfs } from 'node:fs/promises';

/**
 * Kinds of file systems that answer from this machine's memory or disks (linux/magic.h): ext4, xfs, btrfs, tmpfs, overlay, f2fs, zfs,
 * bcachefs. On others (a network, FUSE) a call may take as long as somebody else likes, and would hold everything up.
 */
const localKinds: ReadonlySet<number> = new Set([
  ...[0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1, 0xca451a4e],
]);

/** Whether what is open there lies on this machine. Errors: the kernel's. */
export async function isLocal(fd: number): Promise<boolean> {
  return localKinds.has((await statfs(`/proc/self/fd/${fd}`)).type);
}
