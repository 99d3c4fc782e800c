import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SessionError } from '../core/errors.js';
import { Disposables } from '../kit/disposables.js';
import { listenMutely } from '../kit/listening.js';
import {
  identityText,
  isAlive,
  isOfEarlierBoot,
  isOfOtherNamespace,
  type ProcessIdentity,
} from '../kit/process-identity.js';
import { randomBase32 } from '../kit/random-id.js';
import { type EarlierClaim, earlierClaims, freeClaimsIn, isClaimedElsewhere, tryClaim } from './control/claim.js';
import type { RecordStore } from './store.js';

/** A state folder that a server in a container has for itself. Disposing gives it up. */
export interface FolderHold extends AsyncDisposable {
  /**
   * Whether whoever made something lives: of those that can't be seen only who had the folder before, and was proven to have ended, is gone, and who ran beside that one
   * in its container, where it was the first process.
   */
  isAlive(owner: ProcessIdentity): Promise<boolean>;
}

interface Folders {
  readonly stateDir: string;
  readonly runtimeDir: string;
}

/** In the state folder, which all that want it share. */
const socketName = /^server-[a-z2-7]{8}\.sock$/;

/**
 * Takes the state folder for a server whose processes others can't see. Whether it lives is told by a socket: it has ended where that refuses, and where there is none
 * nothing is known. What earlier ones that have ended still had claimed is freed. Errors: STATE_IN_USE (another such
 * server has it, or it has sessions of processes on the host), STATE_UNWRITABLE.
 */
export async function holdFolder(folders: Folders, store: Pick<RecordStore, 'list'>): Promise<FolderHold> {
  const { stateDir, runtimeDir } = folders;
  for (const folder of [stateDir, runtimeDir]) await mkdir(folder, { recursive: true, mode: 0o700 }).catch(unwritable);
  await using undo = new Disposables();
  const socket = join(stateDir, `server-${randomBase32(8)}.sock`);
  undo.use(await listenMutely(socket).catch(unwritable));
  undo.use(await claimed(stateDir, socket));
  const earlier = await earlierClaims(claimPath(stateDir));
  const isGone = (owner: ProcessIdentity) => isProvenGone(owner, earlier);
  await refuseOthers(stateDir, store, earlier, isGone);
  await freeWhatIsLeft(folders, isGone);
  await removeOldSockets(stateDir, earlier);
  const stack = undo.move();
  return {
    isAlive: async (owner) => {
      if (isOfEarlierBoot(owner)) return false;
      return isUnseen(owner) ? !isGone(owner) : isAlive(owner);
    },
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

/**
 * Whether whoever made something lives, for those who do not have the folder: of those that can't be seen only who had it, and was proven to have ended, is gone, with those beside it.
 * Errors: STATE_UNWRITABLE.
 */
export async function isAliveAround(stateDir: string, owner: ProcessIdentity): Promise<boolean> {
  if (!isOfOtherNamespace(owner)) return isAlive(owner);
  if (isOfEarlierBoot(owner)) return false;
  const claims = await earlierClaims(claimPath(stateDir), (one) => one.pidNamespace === owner.pidNamespace);
  return !isProvenGone(owner, claims);
}

/**
 * Of who had the folder: all that it had is over. Of who ran beside one that had it: so is that, and it was the first process of their pid namespace, with which the
 * kernel ends all others. By nobody who has it now: a namespace's number may have been given anew.
 */
function isProvenGone(owner: ProcessIdentity, claims: readonly EarlierClaim[]): boolean {
  const around = claims.filter(
    ({ owner: one }) =>
      one.pidNamespace !== undefined && one.pidNamespace === owner.pidNamespace && one.bootId === owner.bootId,
  );
  const own = around.filter(({ owner: one }) => identityText(one) === identityText(owner));
  if (own.length > 0) return own.every(({ isOver }) => isOver);
  return around.some(({ owner: one }) => one.pid === 1) && around.every(({ isOver }) => isOver);
}

/** Errors: STATE_IN_USE where a server in a container has the folder and lives, STATE_UNWRITABLE. */
export async function refuseHeldFolder(stateDir: string): Promise<void> {
  if (await isClaimedElsewhere(claimPath(stateDir))) throw inUse(stateDir, 'a server in a container has it');
}

async function claimed(stateDir: string, socket: string): Promise<AsyncDisposable> {
  const mine = await tryClaim(claimPath(stateDir), socket);
  if (mine === undefined) throw inUse(stateDir, 'another server has it, or nothing says that it has ended');
  return mine;
}

/**
 * Of those that never had the folder nobody here can tell when they end. Where they ran beside one that had it, in its container, and that was not the first process
 * there, they stay and are said, since nobody else could ever remove them.
 */
async function refuseOthers(
  stateDir: string,
  store: Pick<RecordStore, 'list'>,
  earlier: readonly EarlierClaim[],
  isGone: (owner: ProcessIdentity) => boolean,
): Promise<void> {
  const { records } = await store.list();
  const known = new Set(earlier.map(({ owner }) => owner.pidNamespace));
  const others = records.filter(({ owner }) => isUnseen(owner) && !isOfEarlierBoot(owner) && !isGone(owner));
  const other = others.find(({ owner }) => owner.pidNamespace === undefined || !known.has(owner.pidNamespace));
  if (other === undefined) return;
  throw inUse(stateDir, `it has sessions of a Paddock outside of this container, ${other.id} for one`);
}

/** Versions that did not write down whose number a pid is may have been on the host. */
function isUnseen(owner: ProcessIdentity): boolean {
  return owner.pidNamespace === undefined || isOfOtherNamespace(owner);
}

/** Locks on layers and snapshots, sessions that were held, the keeper. */
async function freeWhatIsLeft(
  { stateDir, runtimeDir }: Folders,
  isGone: (owner: ProcessIdentity) => boolean,
): Promise<void> {
  const channels = join(runtimeDir, 'channels');
  const sessions = await readdir(channels).catch((): string[] => []);
  const ofState = [stateDir, join(stateDir, 'layers'), join(stateDir, 'snapshots')];
  const ofRuntime = [join(runtimeDir, 'keeper'), ...sessions.map((id) => join(channels, id))];
  const isLeft = (owner: ProcessIdentity) => isUnseen(owner) && isGone(owner);
  for (const folder of [...ofState, ...ofRuntime]) await freeClaimsIn(folder, isLeft);
}

/** Those of this boot stay: they are what proves that their server has ended. */
async function removeOldSockets(stateDir: string, earlier: readonly EarlierClaim[]): Promise<void> {
  for (const { owner, socket } of earlier) {
    const isOurs = dirname(socket) === stateDir && socketName.test(basename(socket));
    if (isOurs && isOfEarlierBoot(owner)) await rm(socket, { force: true });
  }
}

function unwritable(cause: unknown): never {
  throw new SessionError('STATE_UNWRITABLE', 'the state or runtime folder can not be made, or not be listened in', {
    cause,
  });
}

const claimPath = (stateDir: string): string => join(stateDir, 'server');

function inUse(stateDir: string, why: string): SessionError {
  return new SessionError('STATE_IN_USE', `the state folder ${stateDir} can't be used: ${why}`);
}
