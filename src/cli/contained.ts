import { statSync } from 'node:fs';

/** What Podman and Docker leave in the root of every container. */
const marks = ['/run/.containerenv', '/.dockerenv'];

/** Whether this process runs in a container, so that its number means nothing to others of the same user. */
export function isContained(places: readonly string[] = marks): boolean {
  return places.some((place) => statSync(place, { throwIfNoEntry: false }) !== undefined);
}
