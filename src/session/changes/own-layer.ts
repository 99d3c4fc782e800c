import { lstat, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PaddockError, SessionError } from '../../core/errors.js';
import type { Clock } from '../../kit/clock.js';
import { Disposables } from '../../kit/disposables.js';
import { type Recovery, recoverApply } from '../../workspace/apply/recover.js';
import type { Layer } from '../../workspace/changes/layer.js';
import { readLayerNote } from '../../workspace/layer-note.js';
import { type Claim, tryClaim } from '../control/claim.js';
import { readSnapshotNote } from '../snapshot-shelf.js';
import { type AppliedBy, recordFiles } from './record-files.js';

/** How long somebody waits for another one to be done there. */
export interface Patience {
  readonly clock: Clock;
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

const lookEveryMs = 100;
/** A copy of a large layer takes a while, and of several that begin with it at once each is to come to its turn. */
const copyWaitMs = 60_000;

/** Beside the folder and not in it: whoever removes that holds the claim until all of it is gone. */
export function lockOf(folder: string): string {
  return `${folder}.lock`;
}

/** What claims on a folder are called, by the folder's name. */
export function claimedName(name: string): string | undefined {
  return /^(.+)\.lock\.\d+$/.exec(name)?.[1];
}

/**
 * Runs while no other process applies, discards, copies, recovers, ends or removes that layer, after what a crash has left of an apply was
 * undone or finished, which is recorded like an apply. A dead process holds nobody up. Errors: LAYER_BUSY, NO_SUCH_SESSION (it has just been removed), PROJECT_UNWRITABLE,
 * STATE_UNWRITABLE, AUDIT_UNWRITABLE.
 */
export async function withLayer<T>(layer: Layer, by: AppliedBy, run: (recovery: Recovery) => Promise<T>): Promise<T> {
  const mine = (await tryClaim(lockOf(layer.folder))) ?? throwBusy();
  return owned(layer.folder, mine, async () => {
    await expectAsRead(layer);
    if (await isThere(layer.folder)) return run(await recoverApply(layer, (applied) => recordFiles(by, applied, true)));
    throw new SessionError('NO_SUCH_SESSION', 'what the session has changed was removed at this very moment');
  });
}

/** Undoes or finishes what a crash has left of an apply, if there is any. Errors as above. */
export function recoverLayer(layer: Layer, by: AppliedBy): Promise<Recovery> {
  return withLayer(layer, by, (recovery) => Promise.resolve(recovery));
}

/** The same for who only reads: the folder of a layer, or of a snapshot, of which a copy is made. Waits. Errors: LAYER_BUSY, SNAPSHOT_FAILED, an AbortError. */
export async function whileCopied<T>(
  folder: string,
  wait: Omit<Patience, 'waitMs'>,
  run: () => Promise<T>,
): Promise<T> {
  const mine = (await claimInTime(folder, { ...wait, waitMs: copyWaitMs })) ?? throwBusy();
  return owned(folder, mine, async () => {
    if (await isThere(folder)) return run();
    throw new PaddockError('SNAPSHOT_FAILED', 'what was to be copied was removed at this very moment');
  });
}

/** Keeps all others from a folder of ours until what is returned is disposed of. Errors: LAYER_BUSY, STATE_UNWRITABLE, an AbortError. */
export async function heldFolder(folder: string, wait: Patience): Promise<AsyncDisposable> {
  const mine = (await claimInTime(folder, wait)) ?? throwBusy();
  return { [Symbol.asyncDispose]: () => owned(folder, mine, () => Promise.resolve()) };
}

/** The same as `whileCopied` for who ends or removes it; false where nothing was done, as it has gone, or somebody works on it all the time. */
export async function whenFree(folder: string, patience: Patience, run: () => Promise<void>): Promise<boolean> {
  if (!(await isThere(folder))) return false;
  const mine = await claimInTime(folder, patience);
  if (mine === undefined) return false;
  return owned(folder, mine, async () => {
    const isStill = await isThere(folder);
    if (isStill) await run();
    return isStill;
  });
}

/**
 * Whoever read its note before nobody else could work on it may know it in clear, and it was encrypted since: what is left in clear then is not all of
 * it. Errors: LAYER_BUSY.
 */
export async function expectAsRead({ folder, open }: Pick<Layer, 'folder' | 'open'>): Promise<void> {
  const note = (await readLayerNote(folder)) ?? (await readSnapshotNote(folder));
  if (note?.sealed === undefined || open !== undefined) return;
  throwBusy('what the session has changed was encrypted at this very moment');
}

async function claimInTime(folder: string, { clock, waitMs, signal }: Patience): Promise<Claim | undefined> {
  for (let leftMs = waitMs; ; leftMs -= lookEveryMs) {
    const mine = await tryClaim(lockOf(folder));
    if (mine !== undefined || leftMs <= 0) return mine;
    await clock.sleep(lookEveryMs, signal);
  }
}

async function owned<T>(folder: string, mine: Claim, run: () => Promise<T>): Promise<T> {
  try {
    await using held = new Disposables();
    held.use(mine);
    return await run();
  } finally {
    if (!(await isThere(folder))) await forgetClaims(folder);
  }
}

/** With the folder they have gone: nobody has anything there to work on. */
async function forgetClaims(folder: string): Promise<void> {
  const names = await readdir(dirname(folder)).catch((): string[] => []);
  const notes = names.filter((name) => claimedName(name) === basename(folder));
  await Promise.all(notes.map((name) => rm(join(dirname(folder), name), { force: true })));
}

export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function throwBusy(message = 'another process works on the changes of this session'): never {
  throw new PaddockError('LAYER_BUSY', message);
}
