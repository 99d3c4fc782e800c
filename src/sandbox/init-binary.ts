import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SandboxError } from '../core/errors.js';
import type { BindMount } from '../workspace/binds.js';
import { initTarget } from './body/input.js';
import { putStaged } from './put-staged.js';

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
  if (present?.equals(wanted) !== true) await putStaged(staged, wanted, 0o555, 'paddock-init');
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
