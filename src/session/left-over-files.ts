import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { isSessionId, type SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { isJournalLeft } from '../workspace/apply/journal.js';
import type { Layer } from '../workspace/changes/layer.js';
import { removeWriteLayer } from '../workspace/write-layer.js';
import { claimedName, isThere, recoverLayer, whenFree } from './changes/own-layer.js';
import type { AppliedBy } from './changes/record-files.js';
import { endLayer, isOver, layerOf, sealEnded } from './layers.js';
import { sweepNotes } from './left-over-channels.js';
import { hasJustFailed } from './sealing.js';
import type { RecordStore } from './store.js';

const temporary = /^pdk_[a-z2-7]{26}\.json\.[a-z2-7]{8}\.tmp$/;
const beside = /^(pdk_[a-z2-7]{26})\.(?:log(?:\.1)?|moved|spent)$/;
/** A younger file may belong to a write or a session that is just beginning. */
const graceMs = 60_000;

export interface SweepOptions {
  readonly clock: Clock;
  /** Gets an intent and an outcome of `changes.expire` for what sessions have written, where that is removed. */
  readonly audit: AuditRecorder;
  readonly isDryRun: boolean;
  /** Nobody asked for it: what could not be encrypted a short while ago is left to a later one. */
  readonly isByItself?: boolean | undefined;
  /** Ends the encrypting of what was kept, which takes long; the next sweep begins it again. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Removes what a crash leaves in the record folder: half-written records, and logs and counts of sessions without a record. Only
 * regular files of our own naming, older than a minute. Returns the paths.
 */
export async function sweepRecordFolder(store: RecordStore, options: SweepOptions): Promise<readonly string[]> {
  const names = await readdir(store.folder).catch(() => []);
  const known = new Set(names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length)));
  const isStray = (name: string): boolean => {
    const session = beside.exec(name)?.[1];
    return session === undefined ? temporary.test(name) : !known.has(session);
  };
  const swept: string[] = [];
  for (const name of names.filter(isStray)) {
    const path = join(store.folder, name);
    const status = await lstat(path).catch(() => undefined);
    if (!status?.isFile() || options.clock.now() - status.mtimeMs < graceMs) continue;
    if (!options.isDryRun) await rm(path, { force: true });
    swept.push(path);
  }
  return [...swept, ...(await sweepLayers(store, options)), ...(await sweepClaims(store, options))];
}

/** Those that are gone. What fails for one is said once all others have had their turn. */
async function sweepLayers(store: RecordStore, options: SweepOptions): Promise<readonly string[]> {
  const swept: string[] = [];
  const failures: unknown[] = [];
  for (const id of (await readdir(store.layersFolder).catch((): string[] => [])).filter(isSessionId)) {
    const isSwept = await sweepLayer(store, id, options).catch((error: unknown) => void failures.push(error));
    if (isSwept === true) swept.push(store.layerFolder(id));
  }
  if (failures.length > 0) throw failures[0];
  return swept;
}

/**
 * What a session without a record had written beside its project: kept from now on where a crash came before that, removed when its
 * time is over, or where that is nothing. One that somebody works on is left to the next prune.
 */
async function sweepLayer(store: RecordStore, id: SessionId, options: SweepOptions): Promise<boolean> {
  const { clock, audit, isDryRun, isByItself = false, signal } = options;
  const path = store.layerFolder(id);
  const status = await lstat(path).catch(() => undefined);
  if (!status?.isDirectory()) return false;
  const found = await layerOf(store, id);
  if (!isDryRun && found !== undefined) await recovered(found.layer, { audit, session: id });
  const isYoung = found?.note.kept === undefined && clock.now() - status.mtimeMs < graceMs;
  if (isYoung || (await store.has(id))) return false;
  if (!isDryRun) {
    await endLayer(path, clock, { waitMs: 0 });
    const kept = (await layerOf(store, id))?.note.kept;
    const isLater = isByItself && kept !== undefined && hasJustFailed(kept, clock.now());
    if (store.sealing !== undefined && !isLater && signal?.aborted !== true)
      await sealEnded(path, clock, store.sealing, { signal, waitMs: 0 });
  }
  if (!(await isThere(path))) return true;
  if (!isOver((await layerOf(store, id))?.note, clock.now())) return false;
  const expire = () => audited(audit, { action: 'changes.expire', session: id, run: () => removeWriteLayer(path) });
  return isDryRun || (await whenFree(path, { clock, waitMs: 0 }, expire));
}

/** Notes of who worked on a layer that has gone, which a crash leaves. */
async function sweepClaims(store: RecordStore, options: SweepOptions): Promise<readonly string[]> {
  const isStray = async (name: string) => {
    const claimed = claimedName(name);
    return claimed !== undefined && isSessionId(claimed) && !(await isThere(store.layerFolder(claimed)));
  };
  return sweepNotes(store.layersFolder, options, isStray);
}

/** Undoes or finishes what a crash has left of an apply; what fails is said by the next apply, review or discard. */
async function recovered(layer: Layer, by: AppliedBy): Promise<void> {
  if (await isJournalLeft(layer.folder)) await recoverLayer(layer, by).catch(() => undefined);
}
