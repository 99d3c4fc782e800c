import type { SessionId } from '../../core/ids.js';
import { type LayerPlaces, layerOf } from '../layers.js';

/** Until when what an ended session has changed is kept, in epoch milliseconds; undefined where nothing is. */
export async function keptUntilMs(places: LayerPlaces, id: SessionId): Promise<number | undefined> {
  return (await layerOf(places, id))?.note.kept?.untilMs;
}

/** What to do with it, in a sentence. */
export function keptWords(id: string, untilMs: number): string {
  return `what it has changed is kept until ${new Date(untilMs).toISOString()}: \`paddock changes ${id}\`, then apply or discard it`;
}
