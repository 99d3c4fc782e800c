import { mayListen } from '../kit/listening.js';
import { isAlive } from '../kit/process-identity.js';
import { usageOfHeld } from '../session/control/client.js';
import type { HeldUsage } from '../session/control/messages.js';
import { connectTo } from '../session/control/socket.js';
import { hasEnded, isUnseen } from '../session/has-ended.js';
import type { SessionRecord } from '../session/record.js';

export interface SessionState {
  readonly state: 'creating' | 'running' | 'ended' | 'orphaned' | 'unknown';
  /** Of `unknown`: why, for a person. */
  readonly stateWhy?: string;
}

/** What a session is at, and what whoever holds it was asked for that. */
interface Look {
  readonly seen: SessionState;
  /** Absent where nobody was asked; `{}` where nobody answered. */
  readonly held?: HeldUsage;
}

/**
 * What is to be told of a session by its record, /proc and, where /proc does not show its sandbox (that of a server in a container), by
 * whoever holds it, at `controlPath`; no engine is asked.
 */
export async function stateOf(record: SessionRecord, controlPath: string, signal?: AbortSignal): Promise<SessionState> {
  return (await lookAt(record, controlPath, signal)).seen;
}

/** The same, and what whoever holds it says of its usage: `{}` where nobody does, or gives no answer. One question is asked for both. */
export async function stateAndUsageOf(
  record: SessionRecord,
  controlPath: string,
  signal?: AbortSignal,
): Promise<Required<Look>> {
  const { seen, held } = await lookAt(record, controlPath, signal);
  if (held !== undefined) return { seen, held };
  const socket = await connectTo(controlPath);
  return { seen, held: (socket === undefined ? undefined : await usageOfHeld(socket, signal)) ?? {} };
}

async function lookAt(record: SessionRecord, controlPath: string, signal?: AbortSignal): Promise<Look> {
  const hasOwner = await isAlive(record.owner);
  // Whoever makes it has to live as long as that takes, also where it is to outlive them.
  if (record.container === undefined) return { seen: { state: hasOwner ? 'creating' : 'orphaned' } };
  if (hasEnded(record)) return { seen: { state: 'ended' } };
  if (!isUnseen(record)) return { seen: { state: hasOwner || record.kind === 'detached' ? 'running' : 'orphaned' } };
  const socket = await connectTo(controlPath);
  if (socket === undefined) return { seen: await unheldState(record, controlPath), held: {} };
  const said = await usageOfHeld(socket, signal);
  if (said === undefined) return { seen: unknown('the server that holds it gives no answer'), held: {} };
  // Versions that do not say it show out those who come once it has ended.
  return { seen: { state: said.isAlive === false ? 'ended' : 'running' }, held: said };
}

async function unheldState(record: SessionRecord, path: string): Promise<SessionState> {
  if (record.endedBecause !== undefined || record.deadlineAtMs <= Date.now()) return { state: 'ended' };
  // Only a socket that refuses proves that its holder has gone, with whom process 1 of such a sandbox ends.
  if (record.kind === 'attached' && !(await mayListen(path))) return { state: 'ended' };
  return unknown('its sandbox can’t be seen from here, and nobody who holds it is found');
}

const unknown = (stateWhy: string): SessionState => ({ state: 'unknown', stateWhy });

/** Below a table of sessions: why nothing is known of some. */
export function whyLines(
  rows: readonly { readonly sessionId: string; readonly stateWhy?: string }[],
): readonly string[] {
  return rows.flatMap(({ sessionId, stateWhy }) =>
    stateWhy === undefined ? [] : [`${sessionId}: unknown: ${stateWhy}`],
  );
}
