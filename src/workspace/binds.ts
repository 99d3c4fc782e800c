import { isEitherInside } from '../kit/path-containment.js';
import type { ApprovedMount, HostObject, Submount } from './approve.js';
import { denied } from './rules.js';

/** One bind to make, and to hold against the running container afterwards. */
export interface BindMount extends HostObject {
  /** What lies at the source: an overlay can show a folder only. */
  readonly kind: Submount['kind'];
  /** Absolute path inside. */
  readonly target: string;
  readonly readOnly: boolean;
}

/**
 * The binds that show an approved path at `target`, in mounting order: itself, then every mount below it with a
 * read-only bind of its own on top, since a read-only bind leaves what is mounted below it writable.
 */
export function bindsOf(approved: ApprovedMount, target: string): readonly BindMount[] {
  const { source, dev, ino, kind, readOnly } = approved;
  const below = approved.submounts.map((submount) => ({
    source: submount.source,
    dev: submount.dev,
    ino: submount.ino,
    kind: submount.kind,
    target: `${target}${submount.source.slice(source.length)}`,
    readOnly: true,
  }));
  return [{ source, dev, ino, kind, target, readOnly }, ...below];
}

/** Whether two approved paths show a common file: one contains the other, or they are the same folder by identity. */
export function overlaps(a: HostObject, b: HostObject): boolean {
  return isEitherInside(a.source, b.source) || (a.dev === b.dev && a.ino === b.ino);
}

/** Refuses (`workspace.overlap`) a writable root that shares files with one of another session. */
export function refuseOverlap(wanted: ApprovedMount, writableRoots: readonly HostObject[]): void {
  if (!wanted.readOnly && writableRoots.some((root) => overlaps(wanted, root))) {
    throw denied('workspace.overlap', wanted.source);
  }
}
