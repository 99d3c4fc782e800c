import { isStrictlyInside } from '../path-containment.js';
import type { Mount } from './mountinfo.js';

/**
 * The mounts that a path can still reach. Lines of mountinfo are not in mounting order (crun prepares mounts before
 * the root they end up in), so what covers what is told by parents: a mount is out of reach when another one sits on
 * its root, or when a mount of the same parent lies over a folder above its own mount point.
 */
export function visibleMounts(mounts: readonly Mount[]): readonly Mount[] {
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  const children = new Map<number, Mount[]>();
  for (const mount of mounts) {
    const siblings = children.get(mount.parentId);
    if (siblings) siblings.push(mount);
    else children.set(mount.parentId, [mount]);
  }
  const covered = (mount: Mount): boolean =>
    (children.get(mount.id) ?? []).some((child) => child !== mount && child.mountPoint === mount.mountPoint);
  const shadowed = (mount: Mount): boolean =>
    (children.get(mount.parentId) ?? []).some((other) => isStrictlyInside(mount.mountPoint, other.mountPoint));
  return mounts.filter((mount) => {
    if (covered(mount)) return false;
    const seen = new Set<number>();
    for (let at: Mount | undefined = mount; at !== undefined && !seen.has(at.id); at = byId.get(at.parentId)) {
      if (byId.has(at.parentId) && shadowed(at)) return false;
      seen.add(at.id);
    }
    return true;
  });
}

/** The mount that is seen at exactly this path, if it is a mount point. */
export function mountAt(visible: readonly Mount[], path: string): Mount | undefined {
  return visible.find((mount) => mount.mountPoint === path);
}
