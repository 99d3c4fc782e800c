import type { ProcessIdentity } from '../kit/process-identity.js';
import { type AuditRecord, type ChainPosition, type ChainWriterIdentity, closeAction } from './record.js';

/**
 * closed: ended as it should · continued: given up after a failed write, or left with its file; another chain of the
 * same process goes on ·
 * open: its process lives · ended: its process is gone and wrote no closing record (it was killed, or the record cut off).
 */
export type ChainState = 'closed' | 'continued' | 'open' | 'ended';

export interface ChainReport {
  readonly chain: string;
  readonly state: ChainState;
  readonly records: number;
  /** Name of the file that holds all of it; lines are those of that file. Left out where a stream was read. */
  readonly file?: string;
  readonly firstLine: number;
  readonly lastLine: number;
  readonly writer: ChainWriterIdentity;
  /** What a reader should know; never a reason for the log not to verify. */
  readonly note?: string;
}

/** Where a record stands, and whether files before that one are gone, as they may be. */
export interface Place {
  readonly line: number;
  readonly file: string | undefined;
  readonly mayContinueUnseen: boolean;
}

interface Entry {
  readonly file: string | undefined;
  readonly firstLine: number;
  readonly writer: ChainWriterIdentity;
  lastLine: number;
  seq: number;
  hash: string;
  previousHash: string | undefined;
  state: 'closed' | 'continued' | 'unclosed';
  note: string | undefined;
}

/** Bounds of memory: about 100 MB when all are reached. */
const maxChains = 200_000;
const maxOpenIntents = 200_000;
const closedListed = 100;

/** What is known of every chain seen so far. */
export class ChainLedger {
  readonly #chains = new Map<string, Entry>();
  readonly #openIntents = new Set<string>();

  /** Why this can't be the next record of its chain, or undefined when it can. */
  add(record: AuditRecord, place: Place): string | undefined {
    const entry = this.#chains.get(record.chain);
    const reason = record.writer ? this.#begin(record, record.writer, entry, place) : next(record, entry, place);
    if (reason === undefined) this.#trackIntent(record);
    return reason;
  }

  async report(isAlive: (identity: ProcessIdentity) => Promise<boolean>) {
    const all = [...this.#chains];
    const unclosed = all.filter(([, entry]) => entry.state !== 'closed');
    const closed = all.filter(([, entry]) => entry.state === 'closed').slice(-closedListed);
    const chains: ChainReport[] = [];
    for (const [chain, entry] of [...unclosed, ...closed]) chains.push(await describe(chain, entry, isAlive));
    chains.sort((a, b) => a.firstLine - b.firstLine);
    return {
      chainCount: all.length,
      chains,
      chainsLeftOut: all.length - chains.length,
      openIntents: this.#openIntents.size,
    };
  }

  #begin(record: AuditRecord, writer: ChainWriterIdentity, entry: Entry | undefined, place: Place): string | undefined {
    if (entry) return 'the chain begins a second time';
    if (this.#chains.size >= maxChains) return `the log has more than ${maxChains} chains; verify it in parts`;
    let note: string | undefined;
    if (record.continues) {
      const reason = this.#continue(record.continues, place.mayContinueUnseen);
      if (reason !== undefined) return reason;
      if (!this.#chains.has(record.continues.chain))
        note = 'continues a chain of a file that was moved away or removed';
    }
    const { seq, hash } = record;
    const { file, line } = place;
    this.#chains.set(record.chain, {
      ...{ file, firstLine: line, lastLine: line, writer, seq, hash, note },
      ...{ previousHash: undefined, state: 'unclosed' },
    });
    return undefined;
  }

  #continue(from: ChainPosition, mayBeUnseen: boolean): string | undefined {
    const entry = this.#chains.get(from.chain);
    if (!entry) return mayBeUnseen ? undefined : 'the record continues a chain that is missing';
    // One record more than its writer knew of: an append reported as failed that reached the file after all.
    const hash = entry.seq === from.seq ? entry.hash : entry.seq === from.seq + 1 ? entry.previousHash : undefined;
    if (entry.state !== 'unclosed' || hash !== from.hash)
      return 'the chain that this record continues was cut or changed';
    entry.state = 'continued';
    return undefined;
  }

  #trackIntent(record: AuditRecord): void {
    if (record.id === undefined) return;
    if (record.phase === 'outcome') this.#openIntents.delete(record.id);
    else if (this.#openIntents.size < maxOpenIntents) this.#openIntents.add(record.id);
  }
}

function next(record: AuditRecord, entry: Entry | undefined, { file, line }: Place): string | undefined {
  if (!entry) return 'the beginning of the chain is missing';
  if (entry.file !== file) return 'the chain goes on in another file than it began in';
  if (entry.state !== 'unclosed') return 'the chain goes on after its end';
  if (record.seq !== entry.seq + 1) {
    return `record ${entry.seq + 1} of the chain was expected and record ${record.seq} found`;
  }
  if (record.prev !== entry.hash) return 'the record does not follow from the previous one of its chain';
  entry.previousHash = entry.hash;
  entry.seq = record.seq;
  entry.hash = record.hash;
  entry.lastLine = line;
  if (record.action === closeAction) entry.state = 'closed';
  return undefined;
}

async function describe(
  chain: string,
  entry: Entry,
  isAlive: (identity: ProcessIdentity) => Promise<boolean>,
): Promise<ChainReport> {
  const { file, firstLine, lastLine, writer } = entry;
  const state: ChainState = entry.state !== 'unclosed' ? entry.state : (await isAlive(writer)) ? 'open' : 'ended';
  const note = state === 'ended' ? 'ended without a closing record' : undefined;
  const notes = [entry.note, note].filter((text) => text !== undefined).join('; ');
  const at = { ...(file === undefined ? {} : { file }), firstLine, lastLine };
  const report = { chain, state, records: entry.seq + 1, ...at, writer };
  return notes === '' ? report : { ...report, note: notes };
}
