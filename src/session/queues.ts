import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PaddockError } from '../core/errors.js';
import { Disposables } from '../kit/disposables.js';
import { claimedName, lockOf, type Patience } from './changes/own-layer.js';
import { type Claim, forgetClaim, isClaimed, tryClaim } from './control/claim.js';
import { type ChannelSweep, isOld } from './left-over-channels.js';

const lookEveryMs = 100;
const waitMs = 60_000;

/**
 * Runs while nobody else, of this process or of another one, is in that queue, which is a path that need not exist; those who want to come to their turn.
 * What is in it by its own name may be claimed by others. Errors: LAYER_BUSY, STATE_UNWRITABLE, an AbortError.
 */
export async function whileAlone<T>(queue: string, wait: Omit<Patience, 'waitMs'>, run: () => Promise<T>): Promise<T> {
  await using held = new Disposables();
  held.use(await entered(queue, wait));
  return await run();
}

/**
 * Removes the notes of queues that nobody is in, and was in for a minute: there is one for each API key there ever was. Returns the paths. `named`:
 * which queues of the folder are meant. Errors: STATE_UNWRITABLE.
 */
export async function sweepQueues(
  folder: string,
  named: (queue: string) => boolean,
  sweep: ChannelSweep,
): Promise<readonly string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const queues = new Set(names.map(claimedName).filter((name) => name !== undefined && named(name)));
  const swept: string[] = [];
  for (const name of queues) {
    const notes = names.filter((note) => claimedName(note) === name).map((note) => join(folder, note));
    const isLeft = await Promise.all(notes.map((note) => isOld(note, 'file', sweep)));
    if (isLeft.includes(false)) continue;
    if (await removed(join(folder, String(name)), sweep.isDryRun)) swept.push(...notes);
  }
  return swept;
}

async function removed(queue: string, isDryRun: boolean): Promise<boolean> {
  if (isDryRun) return !(await isClaimed(lockOf(queue)));
  await using turn = await tryClaim(doorOf(queue));
  if (turn === undefined || (await isClaimed(lockOf(queue)))) return false;
  forgetClaim(lockOf(queue));
  return true;
}

async function entered(queue: string, { clock, signal }: Omit<Patience, 'waitMs'>): Promise<Claim> {
  for (let leftMs = waitMs; ; leftMs -= lookEveryMs) {
    const mine = await enteredNow(queue);
    if (mine !== undefined) return mine;
    if (leftMs <= 0) throw new PaddockError('LAYER_BUSY', `others are in ${basename(queue)} before`);
    await clock.sleep(lookEveryMs, signal);
  }
}

async function enteredNow(queue: string): Promise<Claim | undefined> {
  await using turn = await tryClaim(doorOf(queue));
  return turn === undefined ? undefined : await tryClaim(lockOf(queue));
}

/**
 * One at a time goes in, or looks whether nobody is in it and removes all notes. Without that, whoever has seen the last note and is slow makes
 * the one after it where meanwhile all were removed and another has begun anew at the first: both would be alone.
 */
function doorOf(queue: string): string {
  return join(dirname(queue), 'queues');
}
