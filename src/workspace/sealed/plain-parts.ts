import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { removeTree } from '../../kit/remove-tree.js';
import { removeWorkFolder } from '../write-layer.js';

/** What the session has written, once it is being removed. */
const goneName = 'upper.gone';
const torn = /\.age\.[a-z2-7]{8}\.tmp$/;
const tornNote = /\.json\.[a-z2-7]{8}\.tmp$/;

/**
 * Removes what there is in clear of what is noted to be encrypted, but for notes that were made since. What the session has written loses its name
 * first: whatever comes between, the rest of it is never taken for all of it. Errors: STATE_UNWRITABLE.
 */
export async function dropPlain(folder: string): Promise<void> {
  const plain = await plainIn(folder);
  try {
    if (plain.includes('upper')) {
      await removeTree(join(folder, goneName));
      await rename(join(folder, 'upper'), join(folder, goneName));
    }
    for (const name of await plainIn(folder)) if (name !== 'work') await removed(join(folder, name));
  } catch (cause) {
    throw new PaddockError('STATE_UNWRITABLE', 'what is encrypted could not be removed in clear', { cause });
  }
  // Podman has left something in it that may be closed to us: nothing waits for that.
  if (plain.includes('work')) await removeWorkFolder(folder);
}

/** Removes what a process has left that ended while it encrypted. By whoever has the folder to itself. */
export async function dropTorn(folder: string): Promise<void> {
  const names = (await readdir(folder).catch((): string[] => [])).filter((name) => torn.test(name));
  // One that stays takes room, and is encrypted.
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true }).catch(() => undefined)));
}

/** Whether something is there in clear that is noted to be encrypted: a crash came between. */
export async function hasPlain(folder: string): Promise<boolean> {
  return (await plainIn(folder)).length > 0;
}

/** All that is in the folder of a layer or a snapshot, but for its note, what is encrypted, and the journal of an apply. */
async function plainIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch((): string[] => [])).filter(isPlain);
}

function isPlain(name: string): boolean {
  return (
    ['upper', goneName, 'flat', 'work', 'between', 'base'].includes(name) || torn.test(name) || tornNote.test(name)
  );
}

async function removed(path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) await removeTree(path);
  else await rm(path, { force: true });
}
