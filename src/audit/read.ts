import type { FileHandle } from 'node:fs/promises';
import { AuditError } from '../core/errors.js';
import { parseLine } from './line.js';
import { readBytes, readLines } from './line-reader.js';
import type { AuditRecord } from './record.js';

/** One line of the log: its record, or why it holds none. Reading shows what is there; only verifying vouches for it. */
export type AuditEntry =
  | { readonly offsetBytes: number; readonly record: AuditRecord; readonly problem?: undefined }
  | { readonly offsetBytes: number; readonly record?: undefined; readonly problem: string };

export interface ExportFilter {
  readonly session?: string;
  /** Milliseconds since the epoch, inclusive. */
  readonly sinceMs?: number;
  /** Milliseconds since the epoch, exclusive. */
  readonly untilMs?: number;
}

/** The last `count` lines (at most 100 000), oldest first. BAD_ARGUMENT when the file can't be read. */
export async function* tailAudit(path: string, count: number): AsyncGenerator<AuditEntry> {
  if (!Number.isSafeInteger(count) || count < 0 || count > 100_000) {
    throw new AuditError('BAD_ARGUMENT', 'the number of lines to show is a whole number from 0 to 100000');
  }
  let startBytes = 0;
  const bytes = readBytes(
    path,
    async (handle, sizeBytes) => (startBytes = await startOfLast(handle, sizeBytes, count)),
  );
  for await (const entry of readEntries(bytes)) yield { ...entry, offsetBytes: entry.offsetBytes + startBytes };
}

/** The records that match, and every line that holds none, in the order of the file. BAD_ARGUMENT as above. */
export async function* exportAudit(path: string, filter: ExportFilter = {}): AsyncGenerator<AuditEntry> {
  const { session, sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = filter;
  for await (const entry of readEntries(readBytes(path))) {
    const { record } = entry;
    const timeMs = record ? Date.parse(record.time) : Number.NaN;
    const matches = (session === undefined || record?.session === session) && timeMs >= sinceMs && timeMs < untilMs;
    if (!record || matches) yield entry;
  }
}

async function* readEntries(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<AuditEntry> {
  for await (const { offsetBytes, bytes: line, isWhole } of readLines(bytes)) {
    if (line.length === 0) continue;
    const parsed = parseLine(line);
    if (!isWhole) yield { offsetBytes, problem: 'the line is longer than any audit record' };
    else if (parsed.record) yield { offsetBytes, record: parsed.record };
    else yield { offsetBytes, problem: parsed.reason };
  }
}

/** Where the last `count` lines begin: newlines are counted from the end, so that a long log is not read for its tail. */
async function startOfLast(handle: FileHandle, sizeBytes: number, count: number): Promise<number> {
  if (count === 0) return sizeBytes;
  const buffer = Buffer.alloc(65_536);
  let found = 0;
  for (let end = sizeBytes; end > 0; ) {
    const from = Math.max(0, end - buffer.length);
    const { bytesRead } = await handle.read(buffer, 0, end - from, from);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      // The newline that ends the file ends the last line; it does not begin one.
      if (buffer[at] !== 0x0a || from + at === sizeBytes - 1) continue;
      found += 1;
      if (found === count) return from + at + 1;
    }
    end = from;
  }
  return 0;
}
