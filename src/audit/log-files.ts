import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { codeOf } from '../kit/error-code.js';

/**
 * One file of a log. PATH itself is number 0; with rotation, PATH.000001 follows it, then PATH.000002 …, and the highest
 * is written. No file is ever renamed: a name that is made, or is not because it is there, is all the agreement that
 * several writers need, and one that is killed leaves nothing half done.
 */
export interface LogFile {
  readonly number: number;
  readonly path: string;
}

export function logFile(logPath: string, number: number): LogFile {
  return { number, path: number === 0 ? logPath : `${logPath}.${String(number).padStart(6, '0')}` };
}

/** The files of a log that are there, oldest first; none when there is no such folder. Errors: the kernel's. */
export function listLogFiles(logPath: string): readonly LogFile[] {
  const name = basename(logPath);
  const found: LogFile[] = [];
  for (const entry of entriesOf(dirname(logPath))) {
    if (!entry.startsWith(name)) continue;
    const number = numberOf(entry.slice(name.length));
    if (number !== undefined) found.push(logFile(logPath, number));
  }
  return found.sort((a, b) => a.number - b.number);
}

/** Path of a file of the log, without its folder: how reports name it. */
export function fileName(file: LogFile): string {
  return basename(file.path);
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Of what stands behind the log's own name; each number has one spelling. */
function numberOf(suffix: string): number | undefined {
  if (suffix === '') return 0;
  const digits = /^\.(\d{6,15})$/.exec(suffix)?.[1];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  return number > 0 && String(number).padStart(6, '0') === digits ? number : undefined;
}
