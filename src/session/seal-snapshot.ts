import { join } from 'node:path';
import type { Clock } from '../kit/clock.js';
import type { Layer } from '../workspace/changes/layer.js';
import { hasPlain, type Seals } from '../workspace/sealed/seals.js';
import { whenFree } from './changes/own-layer.js';
import { synced } from './sealing.js';
import { type Snapshot, writeSnapshotNote } from './snapshot-shelf.js';

const sealWithinMs = 600_000;

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
  const noted = { ...snapshot, sealed };
  await writeSnapshotNote(folder, noted);
  await synced(layer.folder);
  await seals.dropPlain(layer.folder);
  await seals.dropNotes(layer.folder);
  return noted;
}

/** The same for one that was taken before encryption was set, and one of which a crash has left something in clear. What fails is tried by the next prune. */
export async function sealOverdue(
  snapshot: Snapshot,
  layer: Layer,
  { clock, signal, ...parts }: SnapshotSealing & { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const path = join(parts.folder, snapshot.id);
  const isDue = snapshot.sealed === undefined ? parts.seals.isOn : await hasPlain(path);
  if (!isDue || snapshot.untilMs <= clock.now() || signal?.aborted === true) return;
  const seal = async () => {
    const timeout = AbortSignal.timeout(sealWithinMs);
    await sealSnapshot(snapshot, layer, parts, signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
  };
  await whenFree(path, { clock, waitMs: 0 }, seal).catch(() => undefined);
}

/** What stands in clear beside it and decides what becomes of it: it is encrypted with it, and so can't be changed. */
export function snapshotSubject({ id, session, apiKey, madeAtMs, project, sinceNs, digest }: Snapshot): string {
  const { source, dev, ino } = project;
  return JSON.stringify(['snapshot', id, session, apiKey ?? '', madeAtMs, source, dev, ino, sinceNs, digest]);
}
