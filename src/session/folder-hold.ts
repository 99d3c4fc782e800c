import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { SessionError } from '../core/errors.js';
import { Disposables } from '../kit/disposables.js';
import { isAlive, isOfOtherNamespace, type ProcessIdentity } from '../kit/process-identity.js';
import { randomBase32 } from '../kit/random-id.js';
import { claim, isClaimedElsewhere, wasClaimed } from './control/claim.js';
import type { RecordStore } from './store.js';

/** A state folder that a server in a container has for itself. Disposing gives it up. */
export interface FolderHold extends AsyncDisposable {
  /** Whether whoever made a session lives: nobody else uses the folder, so whoever can't be seen is gone. */
  isAlive(owner: ProcessIdentity): Promise<boolean>;
}

interface Folders {
  readonly stateDir: string;
  readonly runtimeDir: string;
}

/**
 * Takes the state folder for a server whose processes others can't see: from outside its container, and from within another, all
 * of its sessions would look like those of a process that has ended. Whether it lives is told by a socket. Errors: STATE_IN_USE (another such
 * server has it, or it has sessions of processes on the host), STATE_UNWRITABLE.
 */
export async function holdFolder(
  { stateDir, runtimeDir }: Folders,
  store: Pick<RecordStore, 'list'>,
): Promise<FolderHold> {
  const path = claimPath(stateDir);
  for (const folder of [stateDir, runtimeDir]) await mkdir(folder, { recursive: true, mode: 0o700 }).catch(unwritable);
  const { records } = wasClaimed(path) ? { records: [] } : await store.list();
  if (records.some(({ owner }) => owner.pidNamespace === undefined || isOfOtherNamespace(owner))) {
    throw inUse(stateDir, 'it has sessions of a Paddock outside of this container');
  }
  const stack = new Disposables();
  const socket = join(runtimeDir, `server-${randomBase32(8)}.sock`);
  stack.use(await listening(socket));
  try {
    stack.use(await claim(path, socket));
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error instanceof SessionError && error.code === 'SESSION_NOT_YOURS'
      ? inUse(stateDir, 'another server has it')
      : error;
  }
  return {
    isAlive: async (owner) => !isOfOtherNamespace(owner) && (await isAlive(owner)),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

/** Errors: STATE_IN_USE where a server in a container has the folder and lives, STATE_UNWRITABLE. */
export async function refuseHeldFolder(stateDir: string): Promise<void> {
  if (await isClaimedElsewhere(claimPath(stateDir))) throw inUse(stateDir, 'a server in a container has it');
}

function unwritable(cause: unknown): never {
  throw new SessionError('STATE_UNWRITABLE', 'the state or runtime folder can not be made', { cause });
}

const claimPath = (stateDir: string): string => join(stateDir, 'server');

function inUse(stateDir: string, why: string): SessionError {
  return new SessionError('STATE_IN_USE', `the state folder ${stateDir} can't be used: ${why}`);
}

async function listening(path: string): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new SessionError('STATE_UNWRITABLE', `cannot listen at ${path}`, { cause })),
    );
    server.listen(path, resolve);
  });
  server.unref();
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
