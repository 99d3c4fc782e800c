import { join } from 'node:path';
import type { SessionId } from '../../core/ids.js';
import type { RecordStore } from '../store.js';
import { isClaimed, tryClaim } from './claim.js';

type Folders = Pick<RecordStore, 'channelFolder'>;

/**
 * Says that this process is about to remove a session that its record lets go, until what is returned is disposed. Whoever holds the
 * session may be putting its end off at that moment: the holder writes the later end down and looks for this claim then; the remover
 * claims first and reads the record then. So at least one of them sees the other. Undefined: another process is removing it. Where
 * nothing can be claimed (there is no folder, so nobody holds it; or no room in memory) what was read last has to do.
 */
export async function claimRemoval(store: Folders, id: SessionId): Promise<AsyncDisposable | undefined> {
  return tryClaim(removalPath(store, id)).catch(() => ({ [Symbol.asyncDispose]: () => Promise.resolve() }));
}

/** Whether a live process is about to remove it. Errors: STATE_UNWRITABLE when that can't be read. */
export function isBeingRemoved(store: Folders, id: SessionId): Promise<boolean> {
  return isClaimed(removalPath(store, id));
}

function removalPath(store: Folders, id: SessionId): string {
  return join(store.channelFolder(id), 'removal');
}
