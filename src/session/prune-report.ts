/** Why something is (or, in a dry run, would be) removed. */
export const removalReasons = {
  'owner-ended': 'the process it was attached to has ended',
  expired: 'its deadline has passed',
  idle: 'nothing has run in it for as long as its idle timeout',
  rebooted: 'the host was restarted since',
  'creation-cut-off': 'the process that was creating it has ended',
  'sandbox-ended': 'its sandbox has ended',
} as const;
export type RemovalReason = keyof typeof removalReasons;

/** Why something stays. */
export const keepReasons = {
  'owner-alive': 'its owner is alive, or can not be seen from here',
  'not-expired': 'its deadline has not passed',
  'engine-unreachable': 'the engine it runs on is not the one at hand, or does not answer',
  'being-removed': 'another process is removing it',
  failed: 'the engine could not remove it',
} as const;
export type KeepReason = keyof typeof keepReasons;

export interface RemovedSession {
  readonly sessionId: string;
  /** Absent when only the record was left. */
  readonly containerId?: string;
  readonly why: RemovalReason;
}

export interface KeptSession {
  readonly sessionId: string;
  readonly why: KeepReason;
  /** The engine's error, made safe for printing. */
  readonly detail?: string;
}

/** A container with labels like ours that is not proven to be ours: shown, never touched. */
export interface ForeignContainer {
  readonly containerId: string;
  readonly name: string;
  readonly why: 'no-record' | 'not-proven';
}

/** What a prune did; with `isDryRun`, what it would do. */
export interface PruneReport {
  readonly isDryRun: boolean;
  readonly removed: readonly RemovedSession[];
  readonly kept: readonly KeptSession[];
  /** Sessions whose creation was cut off a moment ago: the engine may still be making the container. Prune again. */
  readonly pending: readonly { readonly sessionId: string }[];
  readonly foreign: readonly ForeignContainer[];
  /** File names in the session folder that should be records and are not; never acted upon. */
  readonly unreadable: readonly string[];
  /** Left-over files, and folders of services and channels, that were removed. */
  readonly files: readonly string[];
}

/** The report for people, one line per thing. */
export function pruneText(report: PruneReport): string {
  const would = report.isDryRun ? 'would remove' : 'removed';
  const lines = [
    ...report.removed.map((r) => `${would} ${r.sessionId}: ${removalReasons[r.why]}${inContainer(r.containerId)}`),
    ...report.files.map((path) => `${would} ${path}: left over`),
    ...report.kept.map((k) => `kept ${k.sessionId}: ${keepReasons[k.why]}${k.detail ? ` (${k.detail})` : ''}`),
    ...report.pending.map((p) => `pending ${p.sessionId}: its creation was cut off just now; prune again in a minute`),
    ...report.foreign.map((f) => `not ours ${f.containerId.slice(0, 12)} ${f.name}: ${foreignText[f.why]}`),
    ...report.unreadable.map((name) => `unreadable ${name}: not a record of this version; look at it and remove it`),
  ];
  return lines.length === 0 ? 'nothing to remove' : lines.join('\n');
}

const foreignText = {
  'no-record': 'carries our labels, but no record here knows it',
  'not-proven': 'carries the labels of a session of ours, but is not its container',
} as const;

function inContainer(containerId: string | undefined): string {
  return containerId === undefined ? '' : ` (container ${containerId.slice(0, 12)})`;
}
