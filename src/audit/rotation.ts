import { constants, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../kit/clock.js';
import { codeOf } from '../kit/error-code.js';
import type { AuditFile } from './audit-file.js';
import { syncFolder } from './file-checks.js';
import { type LogFile, listLogFiles } from './log-files.js';

/** When a log goes on in another file, and how much of it is kept. What is undefined is without limit. */
export interface RotationLimits {
  /** Size from which on a file gets no further record. */
  readonly fileBytes?: number | undefined;
  /** How long after its first record the same. */
  readonly fileAgeMs?: number | undefined;
  /** Of the whole log: number of files, bytes, and time since the last record of a file. The newest two files always stay. */
  readonly keepFiles?: number | undefined;
  readonly keepBytes?: number | undefined;
  readonly keepAgeMs?: number | undefined;
}

/** `begunMs`: when the file's first record was written. */
export function isRotationDue(file: AuditFile, begunMs: number, clock: Clock, limits: RotationLimits): boolean {
  const { fileBytes = Number.POSITIVE_INFINITY, fileAgeMs } = limits;
  return file.sizeBytes >= fileBytes || (fileAgeMs !== undefined && clock.now() - begunMs >= fileAgeMs);
}

/** Makes the next file, empty. Says whether it was us: of several that come at once one makes it. Errors: the kernel's. */
export async function beginFile(file: LogFile): Promise<boolean> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    const handle = await open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    await handle.close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  await syncFolder(dirname(file.path));
  return true;
}

export interface Removable {
  readonly files: readonly LogFile[];
  readonly bytes: number;
}

/** The oldest files that are beyond what is kept, oldest first, without gaps. */
export function findRemovable(logPath: string, clock: Clock, limits: RotationLimits): Removable {
  const { keepFiles, keepBytes, keepAgeMs } = limits;
  if (keepFiles === undefined && keepBytes === undefined && keepAgeMs === undefined) return { files: [], bytes: 0 };
  const nowMs = clock.now();
  const there = listLogFiles(logPath).map((file) => ({ file, stats: statSync(file.path, { throwIfNoEntry: false }) }));
  const sizes = there.map(({ stats }) => stats?.size ?? 0);
  let left = sizes.reduce((sum, size) => sum + size, 0);
  let bytes = 0;
  const files: LogFile[] = [];
  // Whoever still writes to the newest but one has to find it there.
  for (const [at, { file, stats }] of there.slice(0, -2).entries()) {
    const tooMany = there.length - at > (keepFiles ?? Number.POSITIVE_INFINITY);
    const tooLarge = left > (keepBytes ?? Number.POSITIVE_INFINITY);
    const tooOld = nowMs - (stats?.mtimeMs ?? nowMs) > (keepAgeMs ?? Number.POSITIVE_INFINITY);
    if (!tooMany && !tooLarge && !tooOld) break;
    files.push(file);
    bytes += sizes[at] ?? 0;
    left -= sizes[at] ?? 0;
  }
  return { files, bytes };
}

/** The oldest first, so that a kill in between leaves no gap. Errors: the kernel's. */
export async function removeFiles(files: readonly LogFile[]): Promise<void> {
  for (const { path } of files) await rm(path, { force: true });
  const [first] = files;
  if (first) await syncFolder(dirname(first.path));
}
