import type { SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { hasEnded } from './has-ended.js';
import { type JudgeParts, judgeListed } from './judge-listed.js';
import { isOver, listLayers, type NotedLayer } from './layers.js';
import type { SessionRecord } from './record.js';
import { isSnapshotSealDue } from './seal-snapshot.js';
import { isSealDue } from './sealing.js';
import { overdueIn } from './snapshot-shelf.js';

export interface DueParts extends JudgeParts {
  readonly snapshotsFolder: string;
}

/** Whether a prune would find anything to do by the records, the layers kept and the snapshots: they are read, and /proc; no engine is asked. */
export async function isPruneDue(parts: DueParts): Promise<boolean> {
  const { records } = await parts.store.list();
  const due = await Promise.all(records.map((record) => isDue(record, parts)));
  if (due.includes(true)) return true;
  const layers = await listLayers(parts.store);
  const dueLayers = await Promise.all(layers.map((one) => isLayerDue(one, parts)));
  return dueLayers.includes(true) || (await isSnapshotDue(parts));
}

async function isSnapshotDue({ store: { sealing }, clock, snapshotsFolder: folder }: DueParts): Promise<boolean> {
  if ((await overdueIn(folder, clock)).length > 0) return true;
  return sealing !== undefined && isSnapshotSealDue({ folder, clock, seals: sealing.seals });
}

/** Its time is over; or somebody worked on it all the time when its session ended, so that it still has no end. */
async function isLayerDue({ id, layer, note }: NotedLayer, { store, clock }: JudgeParts): Promise<boolean> {
  if (note.kept !== undefined) {
    if (isOver(note, clock.now())) return true;
    return store.sealing !== undefined && isSealDue(layer.folder, note, store.sealing, clock.now());
  }
  return clock.now() - note.madeAtMs >= lookEveryMs && !(await store.has(id));
}

/** How long the record of a detached session that has ended stays, so that whoever comes too late hears why. */
const toldForMs = 600_000;

async function isDue(listed: SessionRecord, parts: JudgeParts): Promise<boolean> {
  const judged = await judgeListed(listed, parts);
  if (judged === undefined) return false;
  const { record, fate } = judged;
  const isOverNow = hasEnded(record);
  if (fate.act === 'keep' && (fate.why !== 'not-expired' || !isOverNow)) return false;
  // Nothing of it runs any more.
  const isTold = record.kind === 'detached' && isOverNow && fate.why !== 'rebooted';
  return !isTold || parts.clock.now() - (await endedAtMs(record, parts)) >= toldForMs;
}

/** When it ended, or was used last. */
async function endedAtMs(record: SessionRecord, { store, clock }: JudgeParts): Promise<number> {
  const lastUseMs = (await store.lastUseMs(record.id as SessionId)) ?? record.createdAtMs;
  return record.deadlineAtMs <= clock.now() ? record.deadlineAtMs : lastUseMs;
}

export interface ReaperParts {
  readonly clock: Clock;
  readonly isDue: () => Promise<boolean>;
  readonly prune: (signal: AbortSignal) => Promise<unknown>;
  readonly onFailure: (error: unknown) => void;
  /** Default: a minute. */
  readonly everyMs?: number;
}

const lookEveryMs = 60_000;
/** What can't be removed (an engine that is gone, say) is tried again ever more seldom. */
const longestMs = 16 * lookEveryMs;

/**
 * Removes what expires or loses its owner while this process lives, within a minute or so. Disposing ends it, also in the midst of
 * a prune, which the next one goes on with.
 */
export function reapOnTimer(parts: ReaperParts): AsyncDisposable {
  const stop = new AbortController();
  const over = reap(parts, stop.signal);
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await over;
    },
  };
}

async function reap(parts: ReaperParts, signal: AbortSignal): Promise<void> {
  const { clock, everyMs = lookEveryMs } = parts;
  let waitMs = everyMs;
  for (;;) {
    await clock.sleep(waitMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const isLeft = await look(parts, signal);
    waitMs = isLeft ? Math.min(waitMs * 2, longestMs) : everyMs;
  }
}

/** Whether something that should go is still there. */
async function look({ isDue, prune, onFailure }: ReaperParts, signal: AbortSignal): Promise<boolean> {
  try {
    if (!(await isDue())) return false;
    await prune(signal);
    return await isDue();
  } catch (error) {
    if (!signal.aborted) onFailure(error);
    return true;
  }
}
