import { statSync } from 'node:fs';
import { ownContainer, ownMounts } from '../kit/proc/own-container.js';

/** What Podman and Docker leave in the root of most containers. */
const marks = ['/run/.containerenv', '/.dockerenv'];

export interface ContainerSigns {
  /** Podman says `container=podman` to all that it starts. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly places?: readonly string[];
  readonly mountinfoPath?: string;
}

/** Whether this process runs in a container, so that its number, and maybe its paths, mean nothing outside. One sign is enough: each may be missing. */
export function isContained({ env, places = marks, mountinfoPath }: ContainerSigns): boolean {
  const isSaid = (env['container'] ?? '') !== '';
  if (isSaid || places.some((place) => statSync(place, { throwIfNoEntry: false }) !== undefined)) return true;
  return ownContainer(ownMounts(mountinfoPath)) !== undefined;
}
