import { join } from 'node:path';
import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { plain } from '../audit/redaction.js';
import { toPaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import type { Layer } from '../workspace/changes/layer.js';
import { hasPlain } from '../workspace/sealed/plain-parts.js';
import type { Seals } from '../workspace/sealed/seals.js';
import { whenFree } from './changes/own-layer.js';
import { hasJustFailed, inTime, synced } from './sealing.js';
import { readSnapshotNote, type Snapshot, shelvedIn, writeSnapshotNote } from './snapshot-shelf.js';

interface SnapshotSealing {
  /** Of all snapshots. */
  readonly folder: string;
  readonly seals: Seals;
}

/**
 * Encrypts what was copied for a snapshot, notes it, and removes it in clear; returns the snapshot as it is noted. Again after a crash it goes on from
 * there. Errors: those of `Seals.seal`.
 */
export async function sealSnapshot(
  snapshot: Snapshot,
  layer: Layer,
  { folder, seals }: SnapshotSealing,
  signal: AbortSignal,
): Promise<Snapshot> {
  const sealed = snapshot.sealed ?? (await seals.seal(layer, snapshotSubject(snapshot), signal));
  const noted = { ...snapshot, triedAtMs: undefined, sealed };
  await writeSnapshotNote(folder, noted);
  await synced(layer.folder);
  await seals.dropPlain(layer.folder);
  await seals.dropNotes(layer.folder);
  return noted;
}

interface Overdue extends SnapshotSealing, SweepWish {
  readonly clock: Clock;
  /** Gets an intent and an outcome of `snapshot.seal`. */
  readonly audit: AuditRecorder;
}

export interface SweepWish {
  readonly signal?: AbortSignal | undefined;
  /** Nobody asked for it: what has failed a short while ago is left to a later one. */
  readonly isByItself?: boolean | undefined;
}

/**
 * The same for one that was taken before encryption was set, and one of which a crash has left something in clear. What fails stands in the audit log,
 * and is tried by the next prune that somebody asks for, or that begins by itself a while later. Errors: AUDIT_UNWRITABLE.
 */
export async function sealOverdue(found: Snapshot, layer: Layer, parts: Overdue): Promise<void> {
  const { clock, signal, folder } = parts;
  if (!(await isOverdue(found, layer, parts)) || signal?.aborted === true) return;
  const seal = async () => {
    // Another process may have encrypted it since: what opens that is in the note of now.
    const snapshot = await readSnapshotNote(layer.folder);
    if (snapshot?.id === found.id && (await isOverdue(snapshot, layer, parts)))
      await sealAudited(snapshot, layer, parts);
  };
  await whenFree(join(folder, found.id), { clock, waitMs: 0 }, seal);
}

type DueParts = Pick<Overdue, 'clock' | 'seals' | 'isByItself'>;

async function isOverdue(snapshot: Snapshot, { folder }: Pick<Layer, 'folder'>, parts: DueParts): Promise<boolean> {
  const { clock, seals, isByItself = false } = parts;
  const nowMs = clock.now();
  if (snapshot.untilMs <= nowMs || (isByItself && hasJustFailed(snapshot, nowMs))) return false;
  return snapshot.sealed === undefined ? seals.isOn : hasPlain(folder);
}

/** Whether a prune that begins by itself would encrypt one of them. */
export async function isSnapshotSealDue(parts: SnapshotSealing & Pick<Overdue, 'clock'>): Promise<boolean> {
  const { folder } = parts;
  for (const { id, snapshot } of await shelvedIn(folder)) {
    if (snapshot === undefined) continue;
    if (await isOverdue(snapshot, { folder: join(folder, id) }, { ...parts, isByItself: true })) return true;
  }
  return false;
}

async function sealAudited(snapshot: Snapshot, layer: Layer, parts: Overdue): Promise<void> {
  const { audit, signal } = parts;
  await audited(audit, {
    action: 'snapshot.seal',
    session: snapshot.session,
    details: { snapshot: plain(snapshot.id) },
    run: () => sealSnapshot(snapshot, layer, parts, inTime(signal)),
    describe: ({ sealed }) => (sealed === undefined ? {} : { key: plain(sealed.key), bytes: sealed.bytes }),
  }).catch(async (error: unknown) => {
    // It stands there why; one that fails does not keep the others from their turn.
    if (toPaddockError(error).code === 'AUDIT_UNWRITABLE') throw error;
    if (signal?.aborted !== true) await noteFailure(layer.folder, parts);
  });
}

/** In the note as it is by now. Where not even that can be written it is tried again sooner. */
async function noteFailure(of: string, { folder, clock }: Overdue): Promise<void> {
  const now = await readSnapshotNote(of);
  if (now === undefined) return;
  await writeSnapshotNote(folder, { ...now, triedAtMs: clock.now() }).catch(() => undefined);
}

/** What stands in clear beside it and decides what becomes of it: it is encrypted with it, and so can't be changed. */
export function snapshotSubject({ id, session, apiKey, madeAtMs, project, sinceNs, digest }: Snapshot): string {
  const { source, dev, ino } = project;
  return JSON.stringify(['snapshot', id, session, apiKey ?? '', madeAtMs, source, dev, ino, sinceNs, digest]);
}
