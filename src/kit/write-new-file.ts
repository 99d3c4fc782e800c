import { closeSync, constants, fsync, openSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

const sync = promisify(fsync);
const { O_WRONLY, O_CREAT, O_EXCL } = constants;

/**
 * Writes a file that must not exist (mode 0600), and returns once it would survive a crash of the machine. Only the disk is waited for: the
 * rest takes microseconds, and a turn through the thread pool takes longer than all of it. Errors: the kernel's.
 */
export async function writeNewFile(path: string, text: string | Buffer): Promise<void> {
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  try {
    writeFileSync(file, text);
    await sync(file);
  } finally {
    closeSync(file);
  }
}
