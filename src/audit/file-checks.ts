import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AuditError } from '../core/errors.js';
import { safeLine } from '../kit/safe-text.js';

/** Throws when others could replace a file in that folder. */
export function checkFolder(path: string, folder: Stats): void {
  const mine = folder.uid === process.geteuid?.() || folder.uid === 0;
  const sticky = (folder.mode & 0o1000) !== 0;
  if (!mine || ((folder.mode & 0o022) !== 0 && !sticky)) {
    throw new Error(`its folder ${safeLine(dirname(path))} is writable by others, who could replace the log`);
  }
}

/** Throws what makes a file none of ours to append to. */
export function checkFile(path: string, stats: Stats): void {
  const name = safeLine(path);
  if (stats.isSymbolicLink()) throw new Error('it is a symbolic link');
  if (!stats.isFile()) throw new Error('it is not a regular file');
  if (stats.uid !== process.geteuid?.()) throw new Error(`it belongs to uid ${stats.uid}`);
  if (stats.nlink !== 1) throw new Error(`it has ${stats.nlink} names (hard links)`);
  if ((stats.mode & 0o7777 & ~0o600) !== 0) {
    throw new Error(`its mode is 0${(stats.mode & 0o7777).toString(8)}; make it private: chmod 600 '${name}'`);
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

export function unwritable(path: string, error: unknown): AuditError {
  if (error instanceof AuditError) return error;
  const why = safeLine(error instanceof Error ? error.message : String(error));
  return new AuditError('AUDIT_UNWRITABLE', `the audit log ${safeLine(path)} can't be written: ${why}`, {
    cause: error,
  });
}
