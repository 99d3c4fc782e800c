import type { SessionId } from '../../core/ids.js';
import type { LayerNote } from '../../workspace/layer-note.js';
import { type LayerPlaces, layerOf } from '../layers.js';

/** What is noted of what an ended session has changed; times in epoch milliseconds. */
export type Kept = NonNullable<LayerNote['kept']> & {
  /** It is to be encrypted, and nothing is known that keeps it from being so; that may be going on. */
  readonly isSealDue: boolean;
  /** It is encrypted; with `plainBecause` there is some of it in clear as well. */
  readonly isSealed: boolean;
};

/** Undefined where nothing is kept. */
export async function keptOf(places: LayerPlaces, id: SessionId): Promise<Kept | undefined> {
  const note = (await layerOf(places, id))?.note;
  return note && keptIn(note, places);
}

/** The same from a note. */
export function keptIn({ kept, sealed }: LayerNote, { sealing }: LayerPlaces): Kept | undefined {
  if (kept === undefined) return undefined;
  const isToBe = sealing?.seals.isOn === true && sealed === undefined;
  return { ...kept, isSealDue: isToBe && kept.plainBecause === undefined, isSealed: sealed !== undefined };
}

/** What to do with it, in a sentence. */
export function keptWords(id: string, untilMs: number): string {
  return `what it has changed is kept until ${new Date(untilMs).toISOString()}: \`paddock changes ${id}\`, then apply or discard it`;
}

/** What is not as it is to be (yet), to be said with it; undefined where all is. */
export function plainWords({
  plainBecause,
  isSealDue,
  isSealed,
}: Pick<Kept, 'plainBecause' | 'isSealDue' | 'isSealed'>): string | undefined {
  if (plainBecause !== undefined && isSealed)
    return `encrypted, but NOT YET REMOVED in clear (${plainBecause}), the next \`paddock prune\` goes on`;
  if (plainBecause !== undefined) return `NOT ENCRYPTED (${plainBecause}), the next \`paddock prune\` tries again`;
  return isSealDue ? 'not encrypted yet, which goes on' : undefined;
}
