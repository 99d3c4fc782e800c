import type { SandboxHandle } from './handle.js';
import { pidNamespaceOf, startTicksOf } from './processes.js';

/** What names process 1 of a sandbox beyond doubt: pid numbers and namespace numbers are both given out again. */
export type InitIdentity = Pick<SandboxHandle, 'initPid' | 'namespace' | 'initStartTicks'>;

/** The number of a process 1 that this server can't see: there is no process of it, so nothing is ever read of another's. */
export const outOfSight = 0;

/** Whether that very process still runs; reads /proc, asks no engine. */
export function isInitAlive({ initPid, namespace, initStartTicks }: InitIdentity): boolean {
  return pidNamespaceOf(initPid) === namespace && startTicksOf(initPid) === initStartTicks;
}
