import { constants } from 'node:fs';
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { codeOf } from '../kit/error-code.js';
import { claim, draftNote, isClaimed } from './control/claim.js';
import type { RecordStore } from './store.js';

export interface ChannelSweep {
  readonly clock: Clock;
  readonly isDryRun: boolean;
}

/** A younger one may belong to a claim or a session that is just beginning. */
const graceMs = 60_000;

interface ChannelSweepOptions extends ChannelSweep {
  /** Sessions that this prune removes, and their folders with them. */
  readonly gone: readonly string[];
}

/**
 * Removes the channels' folders of sessions without a record, and half-written notes of who holds what. A folder stays while a
 * live process has claimed it or has its pipes open, since its record may be in another state folder. Returns the paths.
 */
export async function sweepChannels(store: RecordStore, options: ChannelSweepOptions): Promise<readonly string[]> {
  // Folders before records: a session that begins has its record on the disk before its folder is made.
  const names = (await readdir(store.channelsFolder).catch((): string[] => [])).filter(isSessionId);
  const swept: string[] = [];
  for (const id of names) {
    if (options.gone.includes(id)) continue;
    const folder = store.channelFolder(id);
    if (!(await store.has(id)) && (await sweepFolder(folder, store.controlPath(id), options))) swept.push(folder);
    else swept.push(...(await sweepNotes(folder, options)));
  }
  return [...swept, ...(await sweepNotes(dirname(store.keeperPath), options))];
}

async function sweepFolder(folder: string, controlPath: string, options: ChannelSweep): Promise<boolean> {
  // What can't be read is nobody's to remove.
  const isHeld = () => isClaimed(controlPath).catch(() => true);
  if (!(await isOld(folder, 'folder', options)) || (await isHeld()) || (await isInUse(folder))) return false;
  if (options.isDryRun) return true;
  // From now on nobody else can take it for a session to hold.
  const mine = await claim(controlPath).catch(() => undefined);
  if (mine === undefined) return false;
  try {
    if (await isInUse(folder)) return false;
    return await removed(folder);
  } finally {
    await mine[Symbol.asyncDispose]();
  }
}

/** Removes half-written notes of who holds what, and the whole ones that `isStray` says nobody needs. */
export async function sweepNotes(
  folder: string,
  options: ChannelSweep,
  isStray: (name: string) => Promise<boolean> = () => Promise.resolve(false),
): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const path = join(folder, name);
    if (!draftNote.test(name) && !(await isStray(name))) continue;
    if (!(await isOld(path, 'file', options))) continue;
    if (options.isDryRun || (await removed(path))) swept.push(path);
  }
  return swept;
}

/** Whether it is ours, of that kind, and of nobody who is just beginning. */
export async function isOld(path: string, kind: 'folder' | 'file', { clock }: ChannelSweep): Promise<boolean> {
  const status = await lstat(path).catch(() => undefined);
  if (status === undefined || status.uid !== process.geteuid?.()) return false;
  const isMeant = kind === 'folder' ? status.isDirectory() : status.isFile();
  return isMeant && clock.now() - status.mtimeMs >= graceMs;
}

/** Whether somebody reads the pipe to process 1, as that does all its life: nothing else tells from here that it lives. */
async function isInUse(folder: string): Promise<boolean> {
  const pipes = [join(folder, 'in'), join(folder, 'io', 'in')];
  return (await Promise.all(pipes.map(hasReader))).includes(true);
}

async function hasReader(pipe: string): Promise<boolean> {
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  try {
    const end = await open(pipe, flags);
    await end.close();
    return true;
  } catch (error) {
    const code = codeOf(error);
    return code !== 'ENXIO' && code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

async function removed(path: string): Promise<boolean> {
  return rm(path, { recursive: true, force: true }).then(
    () => true,
    () => false,
  );
}
