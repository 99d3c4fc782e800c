import type { HostObject } from '../approve.js';

/** What a session has written beside its project, and what it needs to be held against that. */
export interface Layer {
  /** Absolute path of the folder of ours with all that belongs to it: `upper`, `work`, and what is noted about it. */
  readonly folder: string;
  /** The part of it that the overlay writes to: only what differs from the project, with the kernel's marks for what is gone. */
  readonly upper: string;
  /** Whether `upper` is a copy of the whole project that the session writes to, for want of an overlay. */
  readonly isCopy?: true;
  readonly project: HostObject;
  /** When the session began to see the project, in nanoseconds since the epoch by the clock of the kernel: what has a later ctime there was changed after. */
  readonly sinceNs: bigint;
}
