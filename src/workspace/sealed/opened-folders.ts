import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { isAlive, readProcessIdentity } from '../../kit/process-identity.js';
import { randomBase32 } from '../../kit/random-id.js';
import { removeTree } from '../../kit/remove-tree.js';

const named = /^(\d{1,10})-(\d{1,16})-([0-9a-f-]{36})-[a-z2-7]{16}$/;

/**
 * A new folder for what is opened, which only its owner can enter, called by the process that has it: so that what a crash leaves is found. The caller
 * removes it. Errors: STATE_UNWRITABLE.
 */
export async function newOpenedFolder(folder: string): Promise<string> {
  const self = await readProcessIdentity();
  if (self === undefined) throw new PaddockError('INTERNAL', '/proc does not show this process');
  const path = join(folder, `${self.pid}-${self.startTimeTicks}-${self.bootId}-${randomBase32(16)}`);
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  } catch (cause) {
    throw new PaddockError('STATE_UNWRITABLE', `the folder ${path} could not be made`, { cause });
  }
}

/** Removes what processes have left opened that are gone; returns the paths. */
export async function sweepOpened(folder: string, isDryRun: boolean): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const [, pid, startTimeTicks, bootId = ''] = named.exec(name) ?? [];
    if (pid === undefined) continue;
    if (await isAlive({ pid: Number(pid), startTimeTicks: Number(startTimeTicks), bootId })) continue;
    if (!isDryRun) await removeTree(join(folder, name));
    swept.push(join(folder, name));
  }
  return swept;
}
