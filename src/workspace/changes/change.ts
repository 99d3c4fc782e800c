/** What is at a path on one side: in the project, or in what the session shows in its place. */
export interface Entry {
  /** `other`: a device, a FIFO, a socket. */
  readonly type: 'file' | 'folder' | 'link' | 'other';
  /** Permission bits as found, with set-user-ID and the like (0o7777). */
  readonly mode: number;
  /** Of a file; 0 for what has no content. */
  readonly sizeBytes: number;
  /** Where a link leads; absent for what is none, and for a target that is no text. */
  readonly target?: string;
  /** Changes whenever the entry does: device, inode, size, mode and both times, of which nobody without rights can set the second. */
  readonly stamp: string;
}

/** Why a change can not be applied at all, whoever asks. */
export const refusals = ['name', 'type', 'link-out', 'unreadable'] as const;
export type Refusal = (typeof refusals)[number];

/** One path at which what the session shows differs from the project. */
export interface Change {
  /** Relative to the project, with `/` between the names; never begins with one, and never has `.` or `..` in it. */
  readonly path: string;
  /** `modified`: content, a link's target, or what kind of thing it is; `mode`: permission bits alone; `renamed`: `from` is gone and has this very content. */
  readonly kind: 'added' | 'modified' | 'deleted' | 'renamed' | 'mode';
  /** What the project has there; for `renamed`, what it has at `from`. Absent for `added`. */
  readonly before?: Entry;
  /** What the session has there. Absent for `deleted`. */
  readonly after?: Entry;
  /** Where it was before, for `renamed`. */
  readonly from?: string;
  readonly refused?: Refusal;
}
