import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SandboxError } from '../core/errors.js';
import { randomBase32 } from '../kit/random-id.js';

/**
 * Puts a file into a folder of ours (made 0700) at once or not at all, so that an engine which reads it never sees half of it.
 * `what` is how people are told of it. Errors: STATE_UNWRITABLE.
 */
export async function putStaged(path: string, content: string | Uint8Array, mode: number, what: string): Promise<void> {
  const folder = dirname(path);
  const fresh = `${path}.${randomBase32(8)}`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(fresh, content, { mode: 0o600, flag: 'wx' });
    await chmod(fresh, mode);
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw new SandboxError('STATE_UNWRITABLE', `${what} could not be put into ${folder}`, { cause });
  }
}
