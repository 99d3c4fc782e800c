import type { Clock } from '../../kit/clock.js';
import { type OpenedLayer, openedLayer } from '../../workspace/changes/layer.js';
import type { OpeningWish } from '../../workspace/sealed/openings.js';
import { type LayerPlaces, type NotedLayer, requireLayer } from '../layers.js';
import { heldFolder } from './own-layer.js';

/** Within the time that clients give one call. */
const waitMs = 30_000;

/**
 * What a session has written, for who only looks at it. What is to be encrypted once the session is over lies in clear until then, and is removed there
 * at the end of it: opened (`openedLayer`) this way, nobody does so before it is closed again. Errors: NO_SUCH_SESSION; when it is opened LAYER_BUSY as well.
 */
export async function requireToRead(places: LayerPlaces, id: string, clock: Clock): Promise<NotedLayer> {
  const noted = await requireLayer(places, id);
  const isToBeSealed = places.sealing?.seals.isOn === true && noted.note.sealed === undefined;
  if (!isToBeSealed) return noted;
  const open = (wish: OpeningWish) => openHeld(places, noted, clock, wish);
  return { ...noted, layer: { ...noted.layer, open } };
}

async function openHeld(
  places: LayerPlaces,
  { id, layer: { folder } }: NotedLayer,
  clock: Clock,
  { signal, isPatient }: OpeningWish,
): Promise<OpenedLayer> {
  const held = await heldFolder(folder, { clock, waitMs, signal });
  try {
    // It may have been encrypted while somebody else held it.
    const { layer } = await requireLayer(places, id);
    const open = await openedLayer(layer, signal, isPatient);
    const after = async (close: () => PromiseLike<void>) => {
      try {
        await close();
      } finally {
        await held[Symbol.asyncDispose]();
      }
    };
    const close = () => after(() => open[Symbol.asyncDispose]());
    const putBack = () => after(() => open.putBack?.() ?? open[Symbol.asyncDispose]());
    return { layer: open.layer, keepNotes: () => open.keepNotes(), putBack, [Symbol.asyncDispose]: close };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}
