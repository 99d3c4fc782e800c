import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';

/**
 * Whether the process that listens on this socket is a `podman` of our own, unprivileged user: then the engine is
 * rootless, without its `/info`, which costs 0.2 – 0.4 s. The inode of the listening socket comes from
 * /proc/net/unix and must be among that process's descriptors, so a relay (socat, ssh) to a rootful engine does not
 * pass, nor does root's Podman on a socket given to us. False means "not shown", not "rootful": ask `/info` then. Only
 * our own user could forge it, who needs no forgery.
 */
export async function isServedByOwnPodman(socketPath: string, uid: number): Promise<boolean> {
  if (uid === 0) return false;
  try {
    const inode = await listeningInode(await realpath(socketPath));
    if (inode === undefined) return false;
    for (const pid of await readdir('/proc')) {
      if (/^\d+$/.test(pid) && (await holds(pid, inode, uid))) return true;
    }
  } catch {
    // No /proc like ours: not shown.
  }
  return false;
}

async function listeningInode(path: string): Promise<string | undefined> {
  const table = await readFile('/proc/net/unix', 'utf8');
  for (const line of table.split('\n')) {
    // Num: RefCount Protocol Flags Type St Inode Path; flag 0x10000 is a listening socket.
    const fields = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (.*)$/.exec(line);
    if (fields?.[3] === path && fields[1] === '00010000') return fields[2];
  }
  return undefined;
}

async function holds(pid: string, inode: string, uid: number): Promise<boolean> {
  const folder = `/proc/${pid}`;
  try {
    if (basename(await readlink(`${folder}/exe`)) !== 'podman' || (await stat(folder)).uid !== uid) return false;
    for (const fd of await readdir(`${folder}/fd`)) {
      if ((await readlink(`${folder}/fd/${fd}`).catch(() => '')) === `socket:[${inode}]`) return true;
    }
  } catch {
    // Ended meanwhile, or not ours to read.
  }
  return false;
}
