import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PaddockError } from '../core/errors.js';
import { removeTree } from '../kit/remove-tree.js';
import type { ApprovedMount, HostObject } from './approve.js';
import type { WriteLayer } from './binds.js';
import { hasUnsafeCharacters } from './path-rules.js';
import { makeSpreadFolder } from './spread-folder.js';

/** What takes the writing of one session, and by what it is known. */
export interface MadeLayer {
  readonly layer: WriteLayer;
  /** The folder with all that was written. */
  readonly upper: HostObject;
  /** When the sandbox may have begun to see the folder, in nanoseconds since the epoch. */
  readonly sinceNs: bigint;
}

/**
 * Makes the folders in which a session's writing to `shown` ends up, in `folder`, which must not exist. The upper one looks as the
 * folder that it stands before, since that is what a sandbox sees at the top. `program`: paddock-init, as a program of this host. Errors: STATE_UNWRITABLE.
 */
export async function makeWriteLayer(folder: string, shown: ApprovedMount, program: string): Promise<MadeLayer> {
  try {
    await makeSpreadFolder(dirname(folder), program);
    // Engines compare and show paths without links.
    const home = join(await realpath(dirname(folder)), folder.slice(dirname(folder).length));
    if (hasUnsafeCharacters(home)) throw new Error('its path has characters in it that an overlay can not be given');
    await mkdir(home, { mode: 0o700 });
    const layer = { upper: join(home, 'upper'), work: join(home, 'work') };
    await mkdir(layer.work, { mode: 0o700 });
    await mkdir(layer.upper, { mode: 0o700 });
    await chmod(layer.upper, (await lstat(shown.source)).mode & 0o777);
    const { dev, ino, ctimeNs } = await lstat(layer.upper, { bigint: true });
    return { layer, upper: { source: layer.upper, dev: String(dev), ino: String(ino) }, sinceNs: ctimeNs };
  } catch (cause) {
    throw new PaddockError('STATE_UNWRITABLE', `the folder ${folder} could not be made`, { cause });
  }
}

const run = promisify(execFile);
const unshareWithinMs = 60_000;

/** Removes those folders, which need not exist. Errors: STATE_UNWRITABLE. */
export async function removeWriteLayer(folder: string): Promise<void> {
  await removeWorkFolder(folder);
  try {
    await removeTree(folder);
  } catch (cause) {
    throw new PaddockError('STATE_UNWRITABLE', `the folder ${folder} could not be removed`, { cause });
  }
}

/**
 * Removes the overlay's scratch, which need not exist. With Podman the kernel keeps a folder in it that belongs to the first of the
 * caller's subordinate ids, closed and with a file in it: only Podman's own user namespace can open that. Errors: STATE_UNWRITABLE.
 */
export async function removeWorkFolder(folder: string): Promise<void> {
  const work = join(folder, 'work');
  try {
    await removeTree(work);
  } catch (cause) {
    const command = ['unshare', 'rm', '-rf', '--', work];
    try {
      await run('podman', command, { cwd: '/', timeout: unshareWithinMs });
    } catch {
      throw new PaddockError('STATE_UNWRITABLE', `the folder ${work} could not be removed`, {
        cause,
        hint: `Run \`podman ${command.join(' ')}\`, then \`paddock prune\`.`,
      });
    }
  }
}
