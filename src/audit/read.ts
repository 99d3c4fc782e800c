import type { FileHandle } from 'node:fs/promises';
import { AuditError } from '../core/errors.js';
import { parseLine } from './line.js';
import { readBytes, readLines } from './line-reader.js';
import { fileName, type LogFile, listLogFiles } from './log-files.js';
import type { AuditRecord } from './record.js';

/** One line of the log: its record, or why it holds none. Reading shows what is there; only verifying vouches for it. */
export type AuditEntry = EntryPlace &
  (
    | { readonly record: AuditRecord; readonly problem?: undefined }
    | { readonly record?: undefined; readonly problem: string }
  );

interface EntryPlace {
  /** Name of the file, without its folder. */
  readonly file: string;
  readonly offsetBytes: number;
}

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
  const starts: [LogFile, number][] = [];
  let left = count;
  for (const file of [...filesOf(path)].reverse()) {
    if (left === 0 && starts.length > 0) break;
    const { startBytes, lines } = await findLast(file, left);
    starts.unshift([file, startBytes]);
    left -= lines;
  }
  for (const [file, startBytes] of starts) yield* readEntries(file, startBytes);
}

/** The records that match, and every line that holds none, in the order of the files. BAD_ARGUMENT as above. */
export async function* exportAudit(path: string, filter: ExportFilter = {}): AsyncGenerator<AuditEntry> {
  const { session, sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = filter;
  for (const file of filesOf(path)) {
    for await (const entry of readEntries(file, 0)) {
      const { record } = entry;
      const timeMs = record ? Date.parse(record.time) : Number.NaN;
      const matches = (session === undefined || record?.session === session) && timeMs >= sinceMs && timeMs < untilMs;
      if (!record || matches) yield entry;
    }
  }
}

/** Where there is none, reading the first says so. */
function filesOf(path: string): readonly LogFile[] {
  const files = listLogFiles(path);
  return files.length > 0 ? files : [{ number: 0, path }];
}

async function* readEntries(file: LogFile, startBytes: number): AsyncGenerator<AuditEntry> {
  const bytes = readBytes(file.path, () => Promise.resolve(startBytes));
  for await (const { offsetBytes, bytes: line, isWhole } of readLines(bytes)) {
    if (line.length === 0) continue;
    const parsed = parseLine(line);
    const place = { file: fileName(file), offsetBytes: startBytes + offsetBytes };
    if (!isWhole) yield { ...place, problem: 'the line is longer than any audit record' };
    else if (parsed.record) yield { ...place, record: parsed.record };
    else yield { ...place, problem: parsed.reason };
  }
}

interface Last {
  readonly startBytes: number;
  readonly lines: number;
}

/** Where the last `count` lines of a file begin, and how many they are. */
async function findLast({ path }: LogFile, count: number): Promise<Last> {
  let last: Last = { startBytes: 0, lines: 0 };
  const seeking = readBytes(path, async (handle, sizeBytes) => {
    last = await startOfLast(handle, sizeBytes, count);
    return sizeBytes;
  });
  await seeking.next();
  return last;
}

/** Newlines are counted from the end, so that a long log is not read for its tail. */
async function startOfLast(handle: FileHandle, sizeBytes: number, count: number): Promise<Last> {
  if (count === 0 || sizeBytes === 0) return { startBytes: sizeBytes, lines: 0 };
  const buffer = Buffer.alloc(65_536);
  let lines = 0;
  for (let end = sizeBytes; end > 0; ) {
    const from = Math.max(0, end - buffer.length);
    const { bytesRead } = await handle.read(buffer, 0, end - from, from);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      // The newline that ends the file ends the last line; it does not begin one.
      if (buffer[at] !== 0x0a || from + at === sizeBytes - 1) continue;
      lines += 1;
      if (lines === count) return { startBytes: from + at + 1, lines };
    }
    end = from;
  }
  return { startBytes: 0, lines: lines + 1 };
}
