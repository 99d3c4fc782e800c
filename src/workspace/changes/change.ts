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
  /**
   * Changes whenever the entry does: type and mode, device, inode, size and both times, of which nobody without rights can set the
   * second. Of a folder without size and times, which change with what is in it.
   */
  readonly stamp: string;
  /** In its place where notes and fingerprints are concerned: of what is opened each time anew, and never changes. */
  readonly lasting?: string;
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

/** What keeps a list of changes from being all of them. */
export const cutReasons = {
  entries: 'there is more than is looked at',
  depth: 'folders lie deeper in each other than is looked at',
  unreadable: 'what is in some folders can not be read',
  changing: 'some of it changed while it was looked at',
} as const;
export type CutReason = keyof typeof cutReasons;

/** What a session has changed, as far as it was looked at. */
export interface Review {
  /** In the order of the bytes of their paths: a folder before what is in it. */
  readonly changes: readonly Change[];
  /** Whether nothing was left out; else `cutBecause` says why something may have been. What is in `changes` is right all the same. */
  readonly isComplete: boolean;
  readonly cutBecause: readonly CutReason[];
}
