import type { SessionId } from '../../core/ids.js';
import type { RecordStore } from '../store.js';
import { type Claim, claim } from './claim.js';
import { refuseLongPath } from './socket.js';

/**
 * The right to hold a session's channel and to let visitors in. Only its maker makes the folder, once its record is on the disk:
 * a folder made for a session that has just been removed would stay. Errors: SESSION_NOT_YOURS, SESSION_ENDED, STATE_UNWRITABLE.
 */
export async function claimSession(store: RecordStore, id: SessionId): Promise<Claim> {
  const path = store.controlPath(id);
  refuseLongPath(path);
  store.checkChannelFolder(id);
  return claim(path);
}
