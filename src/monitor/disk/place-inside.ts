import { isEitherInside } from '../../kit/path-containment.js';
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

/**
 * Tells of a process in a sandbox by which paths it reaches what it can write on these file systems. Undefined where that can't be
 * told: with mounts of its own, or without a process 1 to compare it with, it may have put that anywhere.
 */
export function pathsInside(
  initPid: number | undefined,
  fileSystems: ReadonlySet<string>,
  procRoot = '/proc',
): (pid: number) => readonly string[] | undefined {
  const table = initPid === undefined ? undefined : readProcFile(`${procRoot}/${initPid}/mountinfo`);
  const { mounts, unreadableLines } = parseMountinfo(table ?? '');
  const place = mountNamespaceOf(initPid ?? 0, procRoot);
  if (place === undefined || mounts.length === 0 || unreadableLines > 0) return () => undefined;
  const paths = writablePaths(mounts.filter(({ device }) => fileSystems.has(device)));
  return (pid) => (mountNamespaceOf(pid, procRoot) === place ? paths : undefined);
}

/** Also what is read-only and shows the same folder, or one that is in it or around it. */
function writablePaths(mounts: readonly Mount[]): readonly string[] {
  const writable = mounts.filter(({ options }) => options.includes('rw'));
  const shown = mounts.filter(({ root, device }) =>
    writable.some((other) => other.device === device && isEitherInside(root, other.root)),
  );
  return shown.map(({ mountPoint }) => mountPoint);
}

function mountNamespaceOf(pid: number, procRoot: string): string | undefined {
  return readLinkOrNothing(`${procRoot}/${pid}/ns/mnt`);
}
