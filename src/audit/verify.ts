import { lstatSync } from 'node:fs';
import type { Checkpoints } from './anchor/checkpoints.js';
import { type Line, readBytes, readLines } from './line-reader.js';
import { type LogFile, listLogFiles } from './log-files.js';
import { Verifier } from './verifier.js';
import type { VerifyReport } from './verify-report.js';

export interface VerifyOptions {
  /** Line digests (`VerifyReport.end`) taken earlier and kept elsewhere: each must still be in the log. At most 1000. */
  readonly anchors?: readonly string[];
  /** Read before the log, which may grow meanwhile. For a log in files; a read one serves once. */
  readonly checkpoints?: () => Promise<Checkpoints>;
  readonly signal?: AbortSignal;
}

/**
 * Checks a log with all its files, given its path, or any one stream of bytes, in bounded memory. A log that does not
 * verify is a result (`ok: false`), not an error; BAD_ARGUMENT when it can't be read. What it can't see is in
 * docs/audit.md.
 */
export async function verifyAudit(
  source: string | AsyncIterable<Uint8Array>,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  if (typeof source === 'string') return await verifyFiles(source, options, 3);
  const verifier = new Verifier(options.anchors ?? []);
  await verifyOne(verifier, undefined, source, options.signal);
  return await verifier.report();
}

async function verifyFiles(path: string, options: VerifyOptions, attempts: number): Promise<VerifyReport> {
  const checkpoints = await options.checkpoints?.();
  const verifier = new Verifier(options.anchors ?? [], checkpoints);
  const files = sized(listLogFiles(path));
  // Where there is none, reading says so.
  if (files.length === 0 && checkpoints === undefined) files.push({ file: { number: 0, path }, bytes: 0 });
  for (const { file, bytes } of files) {
    const isGone =
      attempts > 1 && file !== files.at(-1)?.file && lstatSync(file.path, { throwIfNoEntry: false }) === undefined;
    // A writer removed it since we looked.
    if (isGone) return await verifyFiles(path, options, attempts - 1);
    if (!(await verifyOne(verifier, file, readBytes(file.path, undefined, bytes), options.signal))) break;
  }
  return await verifier.report(path);
}

/**
 * Sizes are taken from the newest file to the oldest: whatever a file tells of the one before was there when it was
 * written, so that a log that grows while it is read does not look like one that was cut.
 */
function sized(files: readonly LogFile[]): { file: LogFile; bytes: number }[] {
  return files
    .toReversed()
    .map((file) => ({ file, bytes: lstatSync(file.path, { throwIfNoEntry: false })?.size ?? 0 }))
    .reverse();
}

async function verifyOne(
  verifier: Verifier,
  file: LogFile | undefined,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  verifier.begin(file);
  for await (const line of linesOf(bytes, signal)) {
    if (!verifier.accept(line)) return false;
  }
  return verifier.end();
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Line> {
  for await (const line of readLines(bytes)) {
    signal?.throwIfAborted();
    yield line;
  }
}
