import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SessionError } from '../core/errors.js';
import { isSessionId, type SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { isGone, OpenFolder } from '../kit/open-folder.js';
import { LinksSeen } from '../monitor/disk/links-seen.js';
import { Pace } from '../monitor/disk/pace.js';
import { countTree, type TreeCount } from '../monitor/disk/tree-count.js';
import { isUntouchedCopy } from '../workspace/changes/copied-layer.js';
import type { Layer } from '../workspace/changes/layer.js';
import { type LayerNote, layerFrom, readLayerNote, writeLayerNote } from '../workspace/layer-note.js';
import { removeWorkFolder, removeWriteLayer } from '../workspace/write-layer.js';
import { whenFree } from './changes/own-layer.js';
import { openable, type Sealing, sealKept } from './sealing.js';

const endWaitMs = 10_000;

/** A layer with what is noted about it. */
export interface NotedLayer {
  readonly id: SessionId;
  readonly layer: Layer;
  readonly note: LayerNote;
}

/** Where they are: the record store. */
export interface LayerPlaces {
  /** Whoever looks for layers on behalf of an API key finds those of that key alone; absent: all of them. */
  readonly apiKey?: string | undefined;
  readonly layersFolder: string;
  /** Opens what is encrypted of them, and encrypts what is to be; absent: nothing does. */
  readonly sealing?: Sealing | undefined;
  layerFolder(id: SessionId): string;
  load(id: SessionId): Promise<{ readonly state: string } | undefined>;
}

/** What a session, running or over, has written beside its project; undefined where it has nothing of the kind (any more). */
export async function layerOf(places: LayerPlaces, id: SessionId): Promise<NotedLayer | undefined> {
  const folder = places.layerFolder(id);
  const note = await readLayerNote(folder);
  if (note?.session !== id) return undefined;
  return { id, layer: openable(layerFrom(folder, note), note, places.sealing), note };
}

/**
 * The same, where it belongs to who asks. Errors: NO_SUCH_SESSION, whoever else has it; SESSION_STARTING: what is there is still being copied, so that half
 * of it, and half a file, would be taken for the work of the session.
 */
export async function requireLayer(places: LayerPlaces, id: string): Promise<NotedLayer> {
  const found = isSessionId(id) ? await ownLayer(places, id) : undefined;
  if (found !== undefined) {
    const record = await places.load(found.id);
    if (record?.state !== 'creating') return found;
    throw new SessionError('SESSION_STARTING', `session ${id} is still being made`, { info: { sessionId: id } });
  }
  throw new SessionError('NO_SUCH_SESSION', 'there are no changes of such a session beside its project', {
    hint: 'Only sessions with workspace cow have any; their ids are in list_sessions, `paddock ps` and `paddock changes --all`.',
  });
}

/** On behalf of a key all are looked through, whichever is meant: how long it takes does not tell one of another key from none. */
async function ownLayer(places: LayerPlaces, id: SessionId): Promise<NotedLayer | undefined> {
  if (places.apiKey === undefined) return await layerOf(places, id);
  const own = (await listLayers(places)).filter(({ note }) => note.apiKey === places.apiKey);
  return own.find((layer) => layer.id === id);
}

/** All that there are of this user, oldest first. */
export async function listLayers(places: LayerPlaces): Promise<readonly NotedLayer[]> {
  const ids = (await readdir(places.layersFolder).catch((): string[] => [])).filter(isSessionId);
  const layers = await Promise.all(ids.map((id) => layerOf(places, id)));
  return layers.filter((one) => one !== undefined).sort((a, b) => a.note.madeAtMs - b.note.madeAtMs);
}

/**
 * What becomes of a layer when its session ends: kept for the time that the session was given, where anything was written to it, else removed.
 * Called again it changes nothing. The sandbox must be gone. Whoever works on it is waited for; for longer than a while: the next prune ends it.
 * `diskBytes`: the most that the session might add to the disk at last; default: at first. Errors: STATE_UNWRITABLE.
 */
export async function endLayer(
  folder: string,
  clock: Clock,
  { waitMs = endWaitMs, diskBytes }: { readonly waitMs?: number; readonly diskBytes?: number | undefined } = {},
): Promise<void> {
  await whenFree(folder, { clock, waitMs }, () => end(folder, clock, diskBytes));
}

/** Encrypts what was kept of it, where that is set. What fails, or is given up, is noted, or due (`isSealDue`). Errors: STATE_UNWRITABLE. */
export async function sealEnded(
  folder: string,
  clock: Clock,
  sealing: Sealing,
  { signal, waitMs = endWaitMs }: { readonly signal?: AbortSignal | undefined; readonly waitMs?: number } = {},
): Promise<void> {
  await whenFree(folder, { clock, waitMs }, async () => {
    const note = await readLayerNote(folder);
    if (note !== undefined && !isOver(note, clock.now())) await sealKept(folder, note, sealing, { clock, signal });
  });
}

/** That of a session that nobody was ever given: there is no work in it, though there may be a copy of another's. Errors: STATE_UNWRITABLE. */
export async function dropLayer(folder: string, clock: Clock): Promise<void> {
  await whenFree(folder, { clock, waitMs: endWaitMs }, () => removeWriteLayer(folder));
}

async function end(folder: string, clock: Clock, diskBytes: number | undefined): Promise<void> {
  const note = await readLayerNote(folder);
  if (note?.kept !== undefined) return;
  const upper = join(folder, 'upper');
  const { keepMs, copy } = note ?? {};
  const isUntouched = () =>
    note === undefined || copy === undefined ? isUnwritten(upper) : isUntouchedCopy(layerFrom(folder, note), copy);
  if (keepMs === 0 || (await isUntouched())) {
    await removeWriteLayer(folder);
    return;
  }
  // Without a note nobody knows what it is of; it may be one of a later version.
  if (note === undefined) return;
  const { bytes: seen, uncounted } = await sizeOf(upper, clock);
  // What is in a folder that was closed from inside, or lies too deep, is all that the session might write.
  const bytes = uncounted === 0 ? seen : Math.max(seen, diskBytes ?? note.diskBytes ?? 0);
  const endedAtMs = clock.now();
  await writeLayerNote(folder, { ...note, kept: { endedAtMs, untilMs: endedAtMs + note.keepMs, bytes } });
  await removeWorkFolder(folder);
}

/** Whether it was kept for as long as it was to be. */
export function isOver(note: LayerNote | undefined, nowMs: number): boolean {
  return note?.kept !== undefined && note.kept.untilMs <= nowMs;
}

async function isUnwritten(upper: string): Promise<boolean> {
  try {
    await using folder = await OpenFolder.at(upper);
    for await (const _name of folder.names()) return false;
    return true;
  } catch (error) {
    // What can't be looked into is not thrown away for that.
    return isGone(error);
  }
}

async function sizeOf(upper: string, clock: Clock): Promise<TreeCount> {
  await using folder = await OpenFolder.at(upper);
  const uid = process.getuid?.() ?? -1;
  return await countTree(folder.fd, { links: new LinksSeen(), pace: new Pace(clock), uid });
}
