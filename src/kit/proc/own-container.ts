import { type Mount, parseMountinfo } from './mountinfo.js';
import { readProcFile } from './read.js';
import { visibleMounts } from './visible-mounts.js';

const mostBytes = 2 * 1024 * 1024;
/** Files that engines keep for each container, in a folder that is named after it, and show in it. */
const engineFiles = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf', '/run/.containerenv'];

/** What this process sees mounted; none where that can't be read. */
export function ownMounts(mountinfoPath = '/proc/self/mountinfo'): readonly Mount[] {
  return visibleMounts(parseMountinfo(readProcFile(mountinfoPath, mostBytes) ?? '').mounts);
}

/**
 * The id of the container that this process is in, by the files that its engine shows in it; undefined outside of any. (What is to mark a
 * container otherwise, `/run/.containerenv`, is not there under Podman's tmpfs of a read-only root.)
 */
export function ownContainer(mounts: readonly Mount[]): string | undefined {
  const roots = mounts.filter(({ mountPoint }) => engineFiles.includes(mountPoint)).map(({ root }) => root);
  return roots.map((root) => /\/([0-9a-f]{64})\//.exec(root)?.[1]).find((id) => id !== undefined);
}
