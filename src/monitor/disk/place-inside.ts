import { isEitherInside, isInside } from '../../kit/path-containment.js';
import { deviceNumber } from '../../kit/proc/device-number.js';
import { type Mount, parseMountinfo } from '../../kit/proc/mountinfo.js';
import { readLinkOrNothing, readProcFile } from '../../kit/proc/read.js';

/** The mount that an open file was reached by, as the kernel counts them. */
export function mountIdOf(fd: number): string | undefined {
  return /^mnt_id:\s*(\d+)$/m.exec(readProcFile(`/proc/self/fdinfo/${fd}`) ?? '')?.[1];
}

/** `major:minor` of the file systems that open folders are on: what the kernel calls a file of theirs that is in memory. */
export function fileSystemsOf(fds: readonly number[], procRoot = '/proc'): ReadonlySet<string> {
  const { mounts } = parseMountinfo(readProcFile(`${procRoot}/self/mountinfo`) ?? '');
  const ids = new Set(fds.map(mountIdOf));
  return new Set(mounts.filter(({ id }) => ids.has(String(id))).map(({ device }) => device));
}

/** The numbers that stat has for these where it has the same. */
export function numbersOf(fileSystems: ReadonlySet<string>): ReadonlySet<number> {
  return new Set(
    [...fileSystems].map((device) => {
      const [major = 0, minor = 0] = device.split(':').map(Number);
      return deviceNumber(major, minor);
    }),
  );
}

/** Whether a file of these file systems that a process knows by that path may be one that the sandbox has written. */
export type MayBeWritten = (path: string) => boolean;

const anything: MayBeWritten = () => true;

/**
 * Tells of a process in a sandbox which of its files on these file systems may be ones that it has written: all but those that lie in a mount
 * which shows nothing of what it can write. A file that was moved out of the mount it was opened through has a path that is in none. With
 * mounts of its own, or without a process 1 to compare it with, it may have put them anywhere.
 */
export function writtenInside(
  initPid: number | undefined,
  fileSystems: ReadonlySet<string>,
  procRoot = '/proc',
): (pid: number) => MayBeWritten {
  const table = initPid === undefined ? undefined : readProcFile(`${procRoot}/${initPid}/mountinfo`);
  const { mounts, unreadableLines } = parseMountinfo(table ?? '');
  const place = mountNamespaceOf(initPid ?? 0, procRoot);
  if (place === undefined || mounts.length === 0 || unreadableLines > 0) return () => anything;
  const mayBe = judgeBy(mounts.filter(({ device }) => fileSystems.has(device)));
  return (pid) => (mountNamespaceOf(pid, procRoot) === place ? mayBe : anything);
}

/** Also what is read-only and shows the same folder as a writable one, or one that is in it or around it. */
function judgeBy(mounts: readonly Mount[]): MayBeWritten {
  const writable = mounts.filter(({ options }) => options.includes('rw'));
  const isShown = ({ root, device }: Mount) =>
    writable.some((other) => other.device === device && isEitherInside(root, other.root));
  const shown = new Map(mounts.map((mount) => [mount.mountPoint, isShown(mount)]));
  const deepestFirst = [...shown].toSorted(([a], [b]) => b.length - a.length);
  return (path) => deepestFirst.find(([mountPoint]) => isInside(path, mountPoint))?.[1] ?? true;
}

function mountNamespaceOf(pid: number, procRoot: string): string | undefined {
  return readLinkOrNothing(`${procRoot}/${pid}/ns/mnt`);
}
