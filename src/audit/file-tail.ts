import { AuditError } from '../core/errors.js';
import { safeLine } from '../kit/safe-text.js';
import { isFragment, lineDigest, parseLine } from './line.js';
import { maxLineBytes, type Repair } from './record.js';
import { repairOf } from './repair.js';

/** How much of the end of the file is looked at; what torn appends left there has to fit. */
export const tailBytes = 2 * maxLineBytes;

/** What the next record has to know of the end of the file. */
export interface FileTail {
  /** Digest of the last line that holds a record; undefined in an empty file. */
  readonly lastLineSha256: string | undefined;
  /** What torn appends left behind that line. Present, of 0 bytes, when only the newline is missing. */
  readonly repairs: Repair | undefined;
  /** The file ends without a newline: an append was cut short, or is being copied at this moment. */
  readonly isTorn: boolean;
}

/**
 * Reads the end of a log, given its last bytes and whether they are all of it. `ownLineSha256` is the caller's own last
 * line, which need not be checked again. AUDIT_BROKEN when something stands there that no writer of ours can have
 * left: a path set by mistake must not add records to somebody's notes.
 */
export function readTail(path: string, bytes: Buffer, isWholeFile: boolean, ownLineSha256?: string): FileTail {
  const isTorn = bytes.length > 0 && bytes[bytes.length - 1] !== 0x0a;
  let end = isTorn ? bytes.length : bytes.length - 1;
  const runEnd = bytes.length;
  while (end >= 0) {
    const start = end === 0 ? 0 : bytes.lastIndexOf(0x0a, end - 1) + 1;
    if (start === 0 && !isWholeFile) throw foreign(path);
    const line = bytes.subarray(start, end);
    const digest = lineDigest(line);
    if (digest === ownLineSha256 || parseLine(line).record !== undefined) {
      const isSound = !isTorn && end === runEnd - 1;
      return { lastLineSha256: digest, repairs: isSound ? undefined : repairOf(bytes.subarray(end + 1)), isTorn };
    }
    if (line.length > 0 && !isFragment(line)) throw foreign(path);
    end = start - 1;
  }
  return { lastLineSha256: undefined, repairs: bytes.length === 0 ? undefined : repairOf(bytes), isTorn };
}

function foreign(path: string): AuditError {
  return new AuditError(
    'AUDIT_BROKEN',
    `${safeLine(path)} does not end in an audit record, so nothing is added to it`,
    {
      hint: 'Run `paddock audit verify`; keep the file, move it away, and start a new log.',
    },
  );
}
