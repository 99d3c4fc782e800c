import { isAlive } from '../kit/process-identity.js';
import { ChainLedger, type ChainReport } from './chain-ledger.js';
import { tailBytes } from './file-tail.js';
import { isFragment, lineDigest, parseLine } from './line.js';
import { type Line, readBytes, readLines } from './line-reader.js';
import type { Repair } from './record.js';
import { repairOf } from './repair.js';
import { SlidingSet } from './sliding-set.js';

export interface VerifyOptions {
  /** Line digests (`VerifyReport.end`) taken earlier and kept elsewhere: each must still be in the log. At most 1000. */
  readonly anchors?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface VerifyReport {
  readonly ok: boolean;
  /** Records that verified, up to the first bad line. */
  readonly records: number;
  readonly lines: number;
  readonly chainCount: number;
  /** Every chain without a closing record, and the latest of those that have one; `chainsLeftOut` counts the rest. */
  readonly chains: readonly ChainReport[];
  readonly chainsLeftOut: number;
  /** Intents of which no outcome is known: the process ended in between, or they still run. */
  readonly openIntents: number;
  /** Appends cut short and closed by a later record, and one at the very end: no record is lost by them. */
  readonly torn: readonly TornLine[];
  readonly tornLeftOut: number;
  /** The first line that can't be right; nothing behind it was looked at. Line 0: something is missing altogether. */
  readonly firstBad?: { readonly line: number; readonly reason: string };
  /** Number and digest of the last line: kept elsewhere, it shows later that nothing before it was cut off. */
  readonly end?: { readonly line: number; readonly sha256: string };
}

export interface TornLine {
  readonly line: number;
  readonly bytes: number;
}

/**
 * Checks a log, or a copy, or any stream of its bytes, in bounded memory. A log that does not verify is a result
 * (`ok: false`), not an error; BAD_ARGUMENT when it can't be read. What it can't see is in docs/audit.md.
 */
export async function verifyAudit(
  source: string | AsyncIterable<Uint8Array>,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const verifier = new Verifier(options.anchors ?? []);
  for await (const line of readLines(typeof source === 'string' ? readBytes(source) : source)) {
    options.signal?.throwIfAborted();
    if (!verifier.accept(line)) break;
  }
  return await verifier.report();
}

/** How far back a record may link, in lines: how many others write while one is between looking and appending. */
const linkWindowLines = 65_536;
const tornListed = 1000;

class Verifier {
  readonly #ledger = new ChainLedger();
  readonly #recent = new SlidingSet(linkWindowLines);
  readonly #missingAnchors: Set<string>;
  readonly #torn: TornLine[] = [];
  #tornCount = 0;
  #records = 0;
  #endsTorn = false;
  #line = 0;
  #end: VerifyReport['end'];
  #firstBad: VerifyReport['firstBad'];
  /** Lines without a record since the last one: right only if the next record says that it found them. */
  #run: { readonly line: number; readonly reason: string; bytes: Buffer } | undefined;

  constructor(anchors: readonly string[]) {
    this.#missingAnchors = new Set(anchors.slice(0, 1000));
  }

  /** False once a line is bad. */
  accept(line: Line): boolean {
    this.#line += 1;
    const reason = this.#check(line);
    // Torn lines that nothing explains come before the line that fails to explain them.
    if (reason !== undefined) this.#fail(this.#run?.line ?? this.#line, this.#run?.reason ?? reason);
    if (this.#firstBad) return false;
    const digest = lineDigest(line.bytes);
    this.#recent.add(digest);
    this.#missingAnchors.delete(digest);
    this.#end = { line: this.#line, sha256: digest };
    return true;
  }

  async report(): Promise<VerifyReport> {
    if (this.#run && !this.#endsTorn) this.#fail(this.#run.line, this.#run.reason);
    if (this.#missingAnchors.size > 0) this.#fail(0, 'a line that was in the log earlier (anchor) is missing');
    return {
      ok: this.#firstBad === undefined,
      records: this.#records,
      lines: this.#line,
      ...(await this.#ledger.report(isAlive)),
      torn: this.#torn,
      tornLeftOut: this.#tornCount - this.#torn.length,
      ...(this.#firstBad ? { firstBad: this.#firstBad } : {}),
      ...(this.#end ? { end: this.#end } : {}),
    };
  }

  #check(line: Line): string | undefined {
    if (!line.isWhole) return 'the line is longer than any audit record';
    const parsed = parseLine(line.bytes);
    if (!parsed.record) return this.#checkTorn(line, parsed.reason);
    const { record } = parsed;
    if (this.#run && !explains(this.#run.bytes, record.repairs)) {
      this.#fail(this.#run.line, this.#run.reason);
      return undefined;
    }
    this.#run = undefined;
    if (parsed.fragmentBytes > 0) this.#noteTorn(this.#line, parsed.fragmentBytes);
    if (record.link !== undefined && !this.#recent.has(record.link)) {
      return 'the record links to a line that is missing or was changed';
    }
    const reason = this.#ledger.add(record, this.#line);
    if (reason === undefined) this.#records += 1;
    return reason;
  }

  #checkTorn({ bytes, hasNewline }: Line, reason: string): string | undefined {
    if (bytes.length > 0 && !isFragment(bytes)) return reason;
    if (bytes.length > 0) this.#noteTorn(this.#line, bytes.length);
    this.#endsTorn = !hasNewline;
    this.#run ??= { line: this.#line, reason, bytes: Buffer.alloc(0) };
    this.#run.bytes = Buffer.concat([this.#run.bytes, bytes, Buffer.from('\n')]);
    return this.#run.bytes.length > tailBytes ? 'there are more torn lines than any writer leaves' : undefined;
  }

  #noteTorn(line: number, bytes: number): void {
    this.#tornCount += 1;
    if (this.#torn.length < tornListed) this.#torn.push({ line, bytes });
  }

  #fail(line: number, reason: string): void {
    this.#firstBad ??= { line, reason };
  }
}

/** Empty lines are explained by any repair, torn ones by the repair of exactly those bytes. */
function explains(run: Buffer, repairs: Repair | undefined): boolean {
  if (!repairs) return false;
  const found = repairOf(run);
  return found.bytes === 0 || (found.bytes === repairs.bytes && found.sha256 === repairs.sha256);
}
