import { statSync } from 'node:fs';
import type { Mount } from '../kit/proc/mountinfo.js';
import { ownContainer, ownMounts } from '../kit/proc/own-container.js';
import { mountAt } from '../kit/proc/visible-mounts.js';

/** What Podman leaves in most containers; `/run` is a tmpfs anywhere else, so that none is left from before. */
const marks = ['/run/.containerenv'];
/** Docker's stays in a root that was made of a container's: of a virtual machine, or of WSL. */
const rootMarks = ['/.dockerenv'];

export interface ContainerSigns {
  /** Podman says `container=podman` to all that it starts. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly places?: readonly string[];
  readonly rootPlaces?: readonly string[];
  readonly mountinfoPath?: string;
}

/** Whether this process runs in a container, so that its number, and maybe its paths, mean nothing outside. One sign is enough: each may be missing. */
export function isContained({ env, places = marks, rootPlaces = rootMarks, mountinfoPath }: ContainerSigns): boolean {
  const isSaid = (env['container'] ?? '') !== '';
  if (isSaid || places.some(isThere)) return true;
  const mounts = ownMounts(mountinfoPath);
  return ownContainer(mounts) !== undefined || (rootPlaces.some(isThere) && !isWholeDisk(mountAt(mounts, '/')));
}

function isThere(place: string): boolean {
  return statSync(place, { throwIfNoEntry: false }) !== undefined;
}

/** An engine gives an overlay, a folder, a subvolume or a data set for a root, never all of a disk. */
function isWholeDisk(root: Mount | undefined): boolean {
  return root?.root === '/' && root.source.startsWith('/dev/');
}
