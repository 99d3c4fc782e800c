import type { SessionId } from '../core/ids.js';
import { type InitIdentity, isInitAlive } from '../sandbox/init-identity.js';
import { processesOf } from '../sandbox/processes.js';
import type { SessionRecord } from './record.js';
import type { RecordStore } from './store.js';

/**
 * Milliseconds that a session has left to be idle, for those who do not hold it; zero and below: none. Undefined where that does not
 * count: something runs in it, it does not run at all, or it has no idle timeout. When it was used last stands in the time of its
 * record's file, which a crash of its holder leaves as it was.
 */
export async function idleLeftOf(
  record: SessionRecord,
  store: Pick<RecordStore, 'lastUseMs'>,
  nowMs: number,
  isUsed = isInUse,
): Promise<number | undefined> {
  const { container } = record;
  const { idleTimeoutMs } = record.spec;
  if (idleTimeoutMs === undefined || container === undefined || !isInitAlive(container)) return undefined;
  if (isUsed(container)) return undefined;
  const lastUseMs = (await store.lastUseMs(record.id as SessionId)) ?? record.createdAtMs;
  return lastUseMs + idleTimeoutMs - nowMs;
}

/** Whether anything besides process 1 runs in there. */
export function isInUse({ initPid, namespace }: InitIdentity): boolean {
  return processesOf(namespace).some((one) => one.pid !== initPid);
}
