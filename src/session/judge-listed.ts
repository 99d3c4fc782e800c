import type { SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import type { ProcessIdentity } from '../kit/process-identity.js';
import type { InitIdentity } from '../sandbox/init-identity.js';
import { isClaimed } from './control/claim.js';
import { hasEnded } from './has-ended.js';
import { idleLeftOf } from './idle-left.js';
import { type Fate, judgeRecord } from './ownership.js';
import type { SessionRecord } from './record.js';
import type { RecordStore } from './store.js';

/** What judging the records of a store takes; no engine is asked. */
export interface JudgeParts {
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly isAlive: (owner: ProcessIdentity) => Promise<boolean>;
  /** Of the running kernel. */
  readonly bootId: string;
  /** Whether anything besides process 1 runs in a sandbox; default: what /proc shows. */
  readonly isInUse?: (init: InitIdentity) => boolean;
}

/** A listed record as it is now, and what becomes of it; undefined when it has gone meanwhile. */
export async function judgeListed(
  listed: SessionRecord,
  parts: JudgeParts,
): Promise<{ readonly record: SessionRecord; readonly fate: Fate } | undefined> {
  const { store, clock, bootId, isAlive } = parts;
  const isOwnerAlive = await isAlive(listed.owner);
  // Read again now: a `creating` seen before its owner finished and left would be taken for a creation cut off.
  const record = await store.load(listed.id as SessionId);
  if (record === undefined) return undefined;
  const idleLeftMs = isOwnerAlive ? undefined : await idleLeft(record, parts);
  return { record, fate: judgeRecord(record, { isOwnerAlive, nowMs: clock.now(), bootId, idleLeftMs }) };
}

/** Whether what the record speaks of is being made, or runs. */
export async function isLive(listed: SessionRecord, parts: JudgeParts): Promise<boolean> {
  // Which process it is never changes, and to ask for it costs least.
  if (hasEnded(listed)) return false;
  const judged = await judgeListed(listed, parts);
  if (judged === undefined || judged.fate.act === 'remove') return false;
  return !hasEnded(judged.record);
}

/** Whoever holds a session counts its time by a better clock than its record's file has. */
async function idleLeft(record: SessionRecord, { store, clock, isInUse }: JudgeParts): Promise<number | undefined> {
  const { idleTimeoutMs } = record.spec;
  const lastUseMs = await store.lastUseMs(record.id as SessionId);
  if (idleTimeoutMs === undefined || lastUseMs === undefined) return undefined;
  // Most were used not long ago: then neither who holds it nor what runs in it matters, which takes a look at every process.
  if (lastUseMs + idleTimeoutMs > clock.now()) return undefined;
  if (await isClaimed(store.controlPath(record.id as SessionId))) return undefined;
  return idleLeftOf(record, store, clock.now(), isInUse);
}
