import type { SessionId } from '../../core/ids.js';
import type { RecordStore } from '../store.js';
import { type Claim, claim } from './claim.js';
import { refuseLongPath } from './socket.js';

/** The right to hold a session's channel and to let visitors in. Errors: SESSION_NOT_YOURS, STATE_UNWRITABLE. */
export async function claimSession(store: RecordStore, id: SessionId): Promise<Claim> {
  const path = store.controlPath(id);
  refuseLongPath(path);
  await store.makeChannelFolder(id);
  return claim(path);
}
