import { lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { type Clock, systemClock } from '../../kit/clock.js';
import { codeOf } from '../../kit/error-code.js';
import { ownIdentity, type ProcessIdentity } from '../../kit/process-identity.js';
import { randomBase32 } from '../../kit/random-id.js';
import { removeTree } from '../../kit/remove-tree.js';

/** With the number of its pid namespace; older versions left that out. */
const named = /^(\d{1,10})-(\d{1,16})-([0-9a-f-]{36})-(?:(\d{1,20})-)?[a-z2-7]{16}$/;
const goneNamed = /^[0-9a-f-]{40,100}-[a-z2-7]{16}\.gone$/;
/** What lost its name only now may be being removed by whoever renamed it, and two would stand in each other's way. */
const graceMs = 60_000;

/**
 * A new folder for what is opened, which only its owner can enter, called by the process that has it: so that what a crash leaves is found. The caller
 * removes it. Errors: STATE_UNWRITABLE.
 */
export async function newOpenedFolder(folder: string): Promise<string> {
  const self = await ownIdentity();
  const namespace = /^pid:\[(\d{1,20})\]$/.exec(self.pidNamespace ?? '')?.[1];
  const of = [self.pid, self.startTimeTicks, self.bootId, ...(namespace === undefined ? [] : [namespace])];
  const path = join(folder, [...of, randomBase32(16)].join('-'));
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  } catch (cause) {
    throw new PaddockError('STATE_UNWRITABLE', `the folder ${path} could not be made`, { cause });
  }
}

/**
 * Removes what was opened. It loses its name first: where something stays, each prune tries again, though its process lives. Errors: the kernel's.
 */
export async function removeOpened(path: string, remove: (path: string) => Promise<void> = removeTree): Promise<void> {
  const gone = `${path}.gone`;
  // What can't be renamed may still be emptied.
  const isRenamed = await rename(path, gone).then(
    () => true,
    () => false,
  );
  await remove(isRenamed ? gone : path);
}

/**
 * Removes what processes have left opened that are gone, and what one that lives could not remove; returns the paths. That of another pid namespace (another container's, in the same state folder)
 * stays until the host was restarted: nobody here can tell whether its process lives. It loses its name first, so that what is under one is all of it.
 */
export async function sweepOpened(
  folder: string,
  isDryRun: boolean,
  isAlive: (owner: ProcessIdentity) => Promise<boolean>,
  clock: Pick<Clock, 'now'> = systemClock,
): Promise<readonly string[]> {
  const swept: string[] = [];
  const failures: unknown[] = [];
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const path = join(folder, name);
    if (!(await isLeft(path, name, isAlive, clock))) continue;
    try {
      if (!isDryRun) await (goneNamed.test(name) ? removedBeside(path) : removeOpened(path, removedBeside));
      swept.push(path);
    } catch (error) {
      // The others have their turn first.
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return swept;
}

/** Where another sweep is at the same folder, what that takes away first is no failure of this one. */
async function removedBeside(path: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await removeTree(path);
      return;
    } catch (error) {
      const isTakenAway = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTEMPTY';
      if (!isTakenAway || tries === 100) throw error;
    }
    await systemClock.sleep(20);
  }
}

async function isLeft(
  path: string,
  name: string,
  isAlive: (owner: ProcessIdentity) => Promise<boolean>,
  clock: Pick<Clock, 'now'>,
): Promise<boolean> {
  const owner = ownerOf(name.replace(/\.gone$/, ''));
  if (owner === undefined) return false;
  if (!(await isAlive(owner))) return true;
  if (!goneNamed.test(name)) return false;
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && clock.now() - found.ctimeMs >= graceMs;
}

function ownerOf(name: string): ProcessIdentity | undefined {
  const [, pid, startTimeTicks, bootId = '', namespace] = named.exec(name) ?? [];
  if (pid === undefined) return undefined;
  const owner = { pid: Number(pid), startTimeTicks: Number(startTimeTicks), bootId };
  return namespace === undefined ? owner : { ...owner, pidNamespace: `pid:[${namespace}]` };
}
