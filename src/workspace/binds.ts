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
  /** The layer that takes what is written to it; the source is only read. */
  readonly layer?: WriteLayer;
}

/** Two folders of ours on one file system, as an overlay wants them: what was written, and its scratch. */
export interface WriteLayer {
  readonly upper: string;
  readonly work: string;
}

/**
 * The binds that show an approved path at `target`, in mounting order: itself, then every mount below it with a
 * read-only bind of its own on top, since a read-only bind leaves what is mounted below it writable. `layer`: it can be written,
 * and that is what it goes to; what is mounted below stays read-only, since no overlay
 * reaches across mounts. `copy`: shown in its place; nothing is mounted in what can be copied.
 */
export function bindsOf(
  approved: ApprovedMount,
  target: string,
  { layer, copy }: { readonly layer?: WriteLayer; readonly copy?: HostObject } = {},
): readonly BindMount[] {
  if (copy !== undefined) return [{ ...copy, kind: 'folder', target, readOnly: false }];
  const { source, dev, ino, kind, readOnly } = approved;
  const below = approved.submounts.map((submount) => ({
    source: submount.source,
    dev: submount.dev,
    ino: submount.ino,
    kind: submount.kind,
    target: `${target}${submount.source.slice(source.length)}`,
    readOnly: true,
  }));
  if (layer === undefined) return [{ source, dev, ino, kind, target, readOnly }, ...below];
  return [{ source, dev, ino, kind, target, readOnly: false, layer }, ...below];
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
