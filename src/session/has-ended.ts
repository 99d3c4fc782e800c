import { isOfEarlierBoot, isOfOtherNamespace } from '../kit/process-identity.js';
import { isInitAlive, outOfSight } from '../sandbox/init-identity.js';
import type { SessionRecord } from './record.js';

type Judged = Pick<SessionRecord, 'container' | 'owner'>;

/** Whether its sandbox is one that this process could not see, running or not: its maker did not, or numbers processes otherwise than we do. */
export function isUnseen({ container, owner }: Judged): boolean {
  return container !== undefined && (container.initPid === outOfSight || isOfOtherNamespace(owner));
}

/** Whether its sandbox is known to run no more. What can't be seen has not ended before its kernel has: or what it was promised would be given twice. */
export function hasEnded(record: Judged): boolean {
  const { container, owner } = record;
  if (container === undefined) return false;
  return isUnseen(record) ? isOfEarlierBoot(owner) : !isInitAlive(container);
}
