import type { SessionId } from '../../core/ids.js';
import type { LayerNote } from '../../workspace/layer-note.js';
import { type LayerPlaces, layerOf } from '../layers.js';

/** What is noted of what an ended session has changed: until when it is kept, in epoch milliseconds; undefined where nothing is. */
export async function keptOf(places: LayerPlaces, id: SessionId): Promise<LayerNote['kept']> {
  return (await layerOf(places, id))?.note.kept;
}

/** What to do with it, in a sentence. */
export function keptWords(id: string, untilMs: number): string {
  return `what it has changed is kept until ${new Date(untilMs).toISOString()}: \`paddock changes ${id}\`, then apply or discard it`;
}

/** What is not as it was to be, to be said with it. */
export function plainWords(plainBecause: string): string {
  return `NOT ENCRYPTED (${plainBecause}), the next \`paddock prune\` tries again`;
}
