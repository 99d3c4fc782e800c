import { createHash } from 'node:crypto';
import { chmod, copyFile, lstat, mkdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SandboxError } from '../core/errors.js';
import { randomBase32 } from '../kit/random-id.js';
import type { BindMount } from '../workspace/binds.js';
import { initTarget } from './body/input.js';

/**
 * Puts our process 1 into a folder of ours (0700, in the state folder) under a name that holds its digest, and returns
 * the bind that shows it. A copy, so that the engine can read and label it wherever Paddock itself is installed; compared byte for
 * byte each time, so that a changed copy is replaced and never run. Errors: INIT_MISSING, STATE_UNWRITABLE.
 */
export async function stageInit(builtPath: string, stateDir: string): Promise<BindMount> {
  const wanted = await readFile(builtPath).catch((cause: unknown) => {
    throw new SandboxError('INIT_MISSING', `there is no paddock-init at ${builtPath}`, { cause });
  });
  const digest = createHash('sha256').update(wanted).digest('hex').slice(0, 16);
  const folder = join(stateDir, 'bin');
  const staged = join(folder, `paddock-init-${digest}`);
  const present = await readFile(staged).catch(() => undefined);
  if (present?.equals(wanted) !== true) await put(builtPath, staged, folder);
  await makeEmptyFolder(folder);
  const source = await realpath(staged);
  const { dev, ino } = await lstat(source, { bigint: true });
  return { source, dev: String(dev), ino: String(ino), kind: 'file', target: initTarget, readOnly: true };
}

/** An empty folder of ours beside the staged init: an overlay without an upper needs a second layer. */
export function emptyFolderBeside(init: BindMount): string {
  return join(dirname(init.source), emptyName);
}

const emptyName = 'empty';

async function makeEmptyFolder(folder: string): Promise<void> {
  // Nobody may write to it: whatever lay in it would show in every read-only folder.
  await mkdir(join(folder, emptyName), { recursive: true, mode: 0o500 }).catch((cause: unknown) => {
    throw new SandboxError('STATE_UNWRITABLE', `an empty folder could not be made in ${folder}`, { cause });
  });
}

async function put(builtPath: string, staged: string, folder: string): Promise<void> {
  const fresh = `${staged}.${randomBase32(8)}`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await copyFile(builtPath, fresh);
    await chmod(fresh, 0o555);
    await rename(fresh, staged);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw new SandboxError('STATE_UNWRITABLE', `paddock-init could not be put into ${folder}`, { cause });
  }
}
