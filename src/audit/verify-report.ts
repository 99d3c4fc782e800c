import type { ChainReport } from './chain-ledger.js';

export interface VerifyReport {
  readonly ok: boolean;
  /** Records that verified, up to the first bad line. */
  readonly records: number;
  /** Of all files that were looked at. */
  readonly lines: number;
  readonly fileCount: number;
  /** How many an anchor has of this log, and how many of its lines are none: cut short, or damaged. */
  readonly checkpoints?: number;
  /** Of these, those of files that were removed: nothing is there to hold against them. Where `ok` is not so, also those of what comes after the break. */
  readonly goneCheckpoints?: number;
  readonly unreadableCheckpoints?: number;
  /** How many of each place were found in the log, up to where it breaks; one that several have counts for each. */
  readonly heldAgainst?: readonly HeldSource[];
  /** Signed by a key that was not asked about, and passed over. */
  readonly otherCheckpoints?: number;
  /** The log says that its files up to this number were removed. */
  readonly removedThrough?: number;
  readonly chainCount: number;
  /** Every chain without a closing record, and the latest of those that have one; `chainsLeftOut` counts the rest. */
  readonly chains: readonly ChainReport[];
  readonly chainsLeftOut: number;
  /** Intents of which no outcome is known: the process ended in between, or they still run. */
  readonly openIntents: number;
  /** Appends cut short and closed by a later record, and one at the very end: no record is lost by them. */
  readonly torn: readonly TornLine[];
  readonly tornLeftOut: number;
  /** The first line that can't be right; nothing behind it was looked at. */
  readonly firstBad?: BadPlace;
  /** File, number and digest of the last line: kept elsewhere, it shows later that nothing before it was cut off. */
  readonly end?: { readonly file?: string; readonly line: number; readonly sha256: string };
}

/** How many heads of one place were found in the log. */
export interface HeldSource {
  readonly name: string;
  readonly checkpoints: number;
}

export interface BadPlace {
  /** Its name without the folder; left out where a stream was read. */
  readonly file?: string;
  /** Line 0: something is missing altogether. */
  readonly line: number;
  readonly reason: string;
}

export interface TornLine {
  readonly file?: string;
  readonly line: number;
  readonly bytes: number;
}
