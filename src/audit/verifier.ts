import { isAlive } from '../kit/process-identity.js';
import type { Checkpoints } from './anchor/checkpoints.js';
import { ChainLedger, type Place } from './chain-ledger.js';
import { tailBytes } from './file-tail.js';
import { isFragment, lineDigest, parseLine } from './line.js';
import type { Line } from './line-reader.js';
import { fileName, type LogFile, logFile } from './log-files.js';
import type { AuditRecord, Follows, Repair } from './record.js';
import { repairOf } from './repair.js';
import { SlidingSet } from './sliding-set.js';
import type { BadPlace, TornLine, VerifyReport } from './verify-report.js';

/** How far back a record may link, in lines: how many others write while one is between looking and appending. */
const linkWindowLines = 65_536;
const tornListed = 1000;
const mostMissing = 1000;

/** Checks the lines of a log, file after file. `begin` and `end` around each file; a stream has neither name nor number. */
export class Verifier {
  readonly #ledger = new ChainLedger();
  readonly #missingAnchors: Set<string>;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #torn: TornLine[] = [];
  #recent = new SlidingSet(linkWindowLines);
  #before: { readonly file: LogFile; readonly lines: number; readonly digests: SlidingSet } | undefined;
  #file: LogFile | undefined;
  #fileCount = 0;
  #missing: LogFile[] = [];
  #removedThrough = -1;
  #tornCount = 0;
  #records = 0;
  #lines = 0;
  #recordsInFile = 0;
  #sizeBytes = 0;
  #endsTorn = false;
  #line = 0;
  #end: VerifyReport['end'];
  #firstBad: BadPlace | undefined;
  /** Lines without a record since the last one: right only if the next record says that it found them. */
  #run: { readonly line: number; readonly reason: string; bytes: Buffer } | undefined;

  constructor(anchors: readonly string[], checkpoints?: Checkpoints) {
    this.#checkpoints = checkpoints;
    this.#missingAnchors = new Set(anchors.slice(0, 1000));
  }

  begin(file: LogFile | undefined): void {
    if (file) {
      const expected = this.#file ? this.#file.number + 1 : 0;
      for (let n = expected; n < file.number && this.#missing.length < mostMissing; n += 1) {
        this.#missing.push(logFile(logPathOf(file), n));
      }
      const isNext = this.#file !== undefined && expected === file.number;
      this.#before = isNext && this.#file ? { file: this.#file, lines: this.#line, digests: this.#recent } : undefined;
    }
    this.#file = file;
    this.#fileCount += 1;
    this.#recent = new SlidingSet(linkWindowLines);
    [this.#line, this.#recordsInFile, this.#sizeBytes, this.#endsTorn] = [0, 0, 0, false];
  }

  /** False once a line is bad. */
  accept(line: Line): boolean {
    this.#line += 1;
    this.#lines += 1;
    const reason = this.#check(line);
    // Torn lines that nothing explains come before the line that fails to explain them.
    if (reason !== undefined) this.#fail(this.#run?.line ?? this.#line, this.#run?.reason ?? reason);
    if (this.#firstBad) return false;
    const digest = lineDigest(line.bytes);
    this.#sizeBytes = line.offsetBytes + line.bytes.length + (line.hasNewline ? 1 : 0);
    const known = this.#file && this.#checkpoints?.see(this.#file, this.#sizeBytes, digest);
    if (known !== undefined) {
      this.#fail(this.#line, known);
      return false;
    }
    this.#recent.add(digest);
    this.#missingAnchors.delete(digest);
    this.#end = { ...this.#here(this.#line), sha256: digest };
    return true;
  }

  /** What was torn at the end of a file may stay so: its writer was killed. False when the end is bad otherwise. */
  end(): boolean {
    if (this.#run && !this.#endsTorn) this.#fail(this.#run.line, this.#run.reason);
    this.#run = undefined;
    const known = this.#file && this.#checkpoints?.atEnd(this.#file, this.#sizeBytes);
    if (known !== undefined) this.#fail(this.#line, known);
    return this.#firstBad === undefined;
  }

  /** `logPath`: of a log in files, all of which were looked at, or up to the first bad line. */
  async report(logPath?: string): Promise<VerifyReport> {
    if (logPath !== undefined) this.#firstBad ??= this.#checkpoints?.beyond(logPath, this.#file?.number ?? -1);
    this.#firstBad ??= this.#checkpoints?.bad;
    const missing = this.#missing.find(({ number }) => number > this.#removedThrough);
    if (missing) {
      const reason = 'this file of the log is missing, and no record says that it was removed';
      // What stopped the reading may have hidden the record of a removal, so it comes first.
      this.#firstBad ??= { file: fileName(missing), line: 0, reason };
    }
    if (this.#missingAnchors.size > 0) this.#fail(0, 'a line that was in the log earlier (anchor) is missing');
    return {
      ok: this.#firstBad === undefined,
      records: this.#records,
      lines: this.#lines,
      fileCount: this.#fileCount,
      ...(this.#checkpoints === undefined
        ? {}
        : {
            checkpoints: this.#checkpoints.count,
            goneCheckpoints: this.#checkpoints.left,
            unreadableCheckpoints: this.#checkpoints.unreadable,
            heldAgainst: this.#checkpoints.places,
            ...(this.#checkpoints.otherKeys > 0 ? { otherCheckpoints: this.#checkpoints.otherKeys } : {}),
          }),
      ...(this.#removedThrough < 0 ? {} : { removedThrough: this.#removedThrough }),
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
    const reason = this.#checkFile(record) ?? this.#ledger.add(record, this.#place(record));
    if (this.#firstBad ?? reason) return reason;
    this.#records += 1;
    this.#recordsInFile += 1;
    if (record.removed && this.#file && record.removed.through >= this.#file.number) {
      return 'it says that the file was removed in which it stands';
    }
    if (record.removed) this.#removedThrough = Math.max(this.#removedThrough, record.removed.through);
    return undefined;
  }

  /** Whether the record says of the files what they are: by their names, and by how the one before ends. */
  #checkFile(record: AuditRecord): string | undefined {
    const { follows } = record;
    if (record.seq !== 0 || this.#file === undefined) return undefined;
    const number = follows === undefined ? 0 : follows.file + 1;
    if (number !== this.#file.number)
      return `this is file ${number} of a log under the name of file ${this.#file.number}`;
    if (follows && this.#before && !isThere(follows, this.#before.digests)) {
      const { file, lines } = this.#before;
      const reason = 'its end was cut off, or it was replaced: the next file follows a line that is not in it';
      this.#firstBad ??= { file: fileName(file), line: lines, reason };
    }
    return undefined;
  }

  /** Only a chain that began in an empty file may continue one that is not here: the file of that had been moved away. */
  #place(record: AuditRecord): Place {
    const isFirst = record.link === undefined && this.#recordsInFile === 0 && this.#before === undefined;
    const file = this.#file && fileName(this.#file);
    return { line: this.#line, file, mayContinueUnseen: isFirst || this.#missing.length > 0 };
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
    if (this.#torn.length < tornListed) this.#torn.push({ ...this.#here(line), bytes });
  }

  #fail(line: number, reason: string): void {
    this.#firstBad ??= { ...this.#here(line), reason };
  }

  #here(line: number): { readonly file?: string; readonly line: number } {
    return this.#file ? { file: fileName(this.#file), line } : { line };
  }
}

/** A file that held no record, or was gone, when the next one began is followed at no line of it. */
function isThere({ line }: Follows, digests: SlidingSet): boolean {
  return line === undefined || digests.has(line);
}

function logPathOf({ path, number }: LogFile): string {
  return number === 0 ? path : path.slice(0, path.lastIndexOf('.'));
}

/** Empty lines are explained by any repair, torn ones by the repair of exactly those bytes. */
function explains(run: Buffer, repairs: Repair | undefined): boolean {
  if (!repairs) return false;
  const found = repairOf(run);
  return found.bytes === 0 || (found.bytes === repairs.bytes && found.sha256 === repairs.sha256);
}
