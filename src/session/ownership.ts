import { join } from 'node:path';
import { labels } from '../core/labels.js';
import type { ContainerSummary, EngineIdentity } from '../engine/types.js';
import type { KeepReason, RemovalReason } from './prune-report.js';
import type { SessionRecord } from './record.js';

/** A container as a list or an inspection names it. */
export type NamedContainer = Pick<ContainerSummary, 'id' | 'names' | 'labels'>;

/**
 * Whether that container is the one of the record. Labels and names can be forged by images and by anyone who uses
 * the engine, so all of it must agree with our own file: session and nonce, the name, and the id once it is known.
 */
export function provesOwnership(record: SessionRecord, container: NamedContainer): boolean {
  return (
    container.labels[labels.session] === record.id &&
    container.labels[labels.nonce] === record.nonce &&
    container.names.includes(record.containerName) &&
    (record.container === undefined || record.container.id === container.id)
  );
}

/**
 * Whether the engine at hand is the one the record speaks of, so that "no such container" there means that there is
 * none. Every Podman service of a user shows the same containers: the one in the usual place, and the private ones
 * that Paddock starts. Anything else must be the same socket.
 */
export function isSameEngine(record: SessionRecord, identity: EngineIdentity, runtimeDir: string): boolean {
  if (record.engine.kind !== identity.kind) return false;
  if (record.engine.socketPath === identity.socketPath) return true;
  const usual = join(runtimeDir, 'podman', 'podman.sock');
  const isOfUser = (engine: { socketPath: string; startedByUs: boolean }) =>
    engine.startedByUs || engine.socketPath === usual;
  return identity.kind === 'podman' && isOfUser(record.engine) && isOfUser(identity);
}

/** What a record is judged by. */
export interface RecordFacts {
  readonly isOwnerAlive: boolean;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Of the running kernel (/proc/sys/kernel/random/boot_id). */
  readonly bootId: string;
  /** What `idleLeftOf` says; undefined also where somebody holds it, who keeps that time. */
  readonly idleLeftMs?: number | undefined;
}

export type Fate =
  | { readonly act: 'keep'; readonly why: KeepReason }
  | { readonly act: 'remove'; readonly why: RemovalReason };

/** What becomes of a record, before any engine is asked. A record of a live process always stays. */
export function judgeRecord(record: SessionRecord, facts: RecordFacts): Fate {
  if (facts.isOwnerAlive) return { act: 'keep', why: 'owner-alive' };
  if (record.owner.bootId !== facts.bootId) return { act: 'remove', why: 'rebooted' };
  if (facts.nowMs >= record.deadlineAtMs) return { act: 'remove', why: 'expired' };
  if (record.state === 'creating') return { act: 'remove', why: 'creation-cut-off' };
  if (record.endedBecause === 'idle') return { act: 'remove', why: 'idle' };
  if (record.state === 'ending' || record.kind === 'attached') return { act: 'remove', why: 'owner-ended' };
  if (facts.idleLeftMs !== undefined && facts.idleLeftMs <= 0) return { act: 'remove', why: 'idle' };
  return { act: 'keep', why: 'not-expired' };
}
