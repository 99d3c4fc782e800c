import { canonicalJson } from './canonical.js';
import { type AuditRecord, recordHash, recordSchema, recordStart, sha256 } from './record.js';

/**
 * What one line holds. `fragment` is what a torn append left before the record on the same line: some writer was cut
 * short and another's append, already under way, landed right behind it.
 */
export type ParsedLine =
  | { readonly record: AuditRecord; readonly fragmentBytes: number }
  | { readonly record: undefined; readonly reason: string };

/** Reads a line without its newline. Checks all that one line can be checked for: form, spelling, size and hash. */
export function parseLine(line: Buffer): ParsedLine {
  if (line.length === 0) return bad('the line is empty');
  const start = line.lastIndexOf(recordStart);
  if (start < 0) return bad('the line is not an audit record');
  const parsed = parseRecord(line.subarray(start));
  if (parsed.record === undefined || start === 0) return parsed;
  if (!isFragment(line.subarray(0, start))) return bad('two records stand on one line');
  return { ...parsed, fragmentBytes: start };
}

/**
 * Whether bytes can be what torn appends left: each begins as a record does and none is whole. A whole record with
 * something behind it is not torn but changed.
 */
export function isFragment(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  if (!text.startsWith(recordStart.slice(0, text.length))) return false;
  return text
    .split(recordStart)
    .slice(1)
    .every((piece) => !beginsWithObject(recordStart + piece));
}

function beginsWithObject(text: string): boolean {
  for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}', end + 1)) {
    if (parseJson(text.slice(0, end + 1)) !== undefined) return true;
  }
  return false;
}

function parseRecord(line: Buffer): ParsedLine {
  const json = parseJson(line.toString('utf8'));
  if (json === undefined) return bad('the line is not JSON');
  const version: unknown = typeof json === 'object' && json !== null && 'v' in json ? json.v : undefined;
  if (version !== 1) return bad(`the record's version is ${typeof version === 'number' ? version : 'missing'}, not 1`);
  const checked = recordSchema.safeParse(json);
  if (!checked.success) return bad(describe(checked.error.issues[0]));
  // The hash covers values; this covers how they are spelled: white space, order, escapes, duplicate keys.
  if (!Buffer.from(canonicalJson(checked.data)).equals(line)) return bad('the record is not written canonically');
  if (recordHash(checked.data) !== checked.data.hash) return bad('the record does not match its hash');
  return { record: checked.data, fragmentBytes: 0 };
}

/** The digest by which other records link to a line: of its bytes as they stand, without the newline. */
export function lineDigest(line: Buffer): string {
  return sha256(line);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function describe(issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined): string {
  const where = issue?.path.length ? `${issue.path.map(String).join('.')}: ` : '';
  return `the record is malformed: ${where}${issue?.message ?? 'unknown'}`.slice(0, 200);
}

function bad(reason: string): ParsedLine {
  return { record: undefined, reason };
}
