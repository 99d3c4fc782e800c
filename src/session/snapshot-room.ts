import { SessionError } from '../core/errors.js';
import { full, keptSnapshots, roomBeside } from './kept-room.js';
import type { Snapshot } from './snapshot-shelf.js';

/** What an entry takes at least, whatever is in it. */
const entryBytes = 4096;

interface SnapshotRoom {
  readonly mostBytes: number;
  readonly mostEntries: number;
  /** What all snapshots together may take on the disk. */
  readonly mostTotalBytes: number;
  /** What those of the API key may take of that; default: all of it. */
  readonly mostOwnBytes?: number | undefined;
}

/** What one more may be beside those there are, and for the holder of a key beside `own`; `mostTotalBytes`: of it alone. Errors: LIMIT_REACHED. */
export function roomFor(
  { mostBytes, mostEntries, mostTotalBytes, mostOwnBytes = mostTotalBytes }: SnapshotRoom,
  there: readonly Snapshot[],
  own: readonly Snapshot[] | undefined,
): Omit<SnapshotRoom, 'mostOwnBytes'> {
  const bounds = { most: mostTotalBytes, mostOwn: mostOwnBytes };
  const room = roomBeside(takenBy(there), own === undefined ? undefined : takenBy(own), bounds, keptSnapshots);
  return {
    mostBytes: Math.min(mostBytes, room),
    mostEntries: Math.min(mostEntries, Math.ceil(room / entryBytes)),
    mostTotalBytes: room,
  };
}

/** Errors: LIMIT_REACHED. */
export function refuseTooLarge(copied: Pick<Snapshot, 'bytes' | 'entries'>, mostTotalBytes: number): void {
  if (sizeOf(copied) <= mostTotalBytes) return;
  throw full('beside the others this snapshot would take', sizeOf(copied), mostTotalBytes, {
    ruleId: 'admission.kept-changes',
    hint: keptSnapshots.hint,
  });
}

/** Errors: LIMIT_REACHED. */
export function refuseTakenName(own: readonly Snapshot[], name: string | undefined): void {
  if (name === undefined || !own.some((one) => one.name === name)) return;
  throw new SessionError('LIMIT_REACHED', `there is a snapshot ${name} already`, {
    hint: 'Give it another name, or remove that one.',
    info: { ruleId: 'snapshot.name-taken' },
  });
}

function takenBy(snapshots: readonly Snapshot[]) {
  return { count: snapshots.length, bytes: snapshots.reduce((sum, one) => sum + sizeOf(one), 0) };
}

function sizeOf({ bytes, entries }: Pick<Snapshot, 'bytes' | 'entries'>): number {
  return bytes + entries * entryBytes;
}
