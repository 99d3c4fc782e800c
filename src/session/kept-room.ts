import { SessionError } from '../core/errors.js';
import type { SitePolicy } from '../core/site-policy.js';
import { formatBytes } from '../core/units.js';
import { type LayerPlaces, listLayers, type NotedLayer } from './layers.js';
import type { CheckedPath } from './with-layer.js';

interface Kept {
  readonly count: number;
  readonly bytes: number;
}

/**
 * Refuses (LIMIT_REACHED) one more session that may leave changes behind while those of ended ones take all the room that they may: those of the key
 * that it is for, or all of them. The holder of a key hears no number of what others have.
 */
export async function refuseMoreKept(
  places: LayerPlaces,
  checked: readonly CheckedPath[],
  { admission: { keptBytes, ownKeptBytes = keptBytes } }: Pick<SitePolicy, 'admission'>,
): Promise<void> {
  if (!checked.some(({ copyOnWrite }) => copyOnWrite)) return;
  const { apiKey } = places;
  const layers = await listLayers(places);
  const all = keptOf(layers);
  if (apiKey === undefined) {
    if (all.bytes >= keptBytes) throw fullOfAll(all, keptBytes);
    return;
  }
  const own = keptOf(layers.filter(({ note }) => note.apiKey === apiKey));
  if (own.bytes >= ownKeptBytes) throw fullOfOwn(own, ownKeptBytes);
  if (all.bytes >= keptBytes) throw fullOfOthers('the kept changes of ended sessions');
}

/** What the holder of a key is told where the rest is of others. */
export function fullOfOthers(what: string): SessionError {
  return new SessionError('LIMIT_REACHED', `${what} take all the room that there is for them on this server`, {
    info: { ruleId: 'admission.kept-changes' },
    hint: 'Let go of what you no longer need; if that does not help, tell whoever runs this server.',
  });
}

function keptOf(layers: readonly NotedLayer[]): Kept {
  const kept = layers.flatMap(({ note }) => note.kept ?? []);
  return { count: kept.length, bytes: kept.reduce((sum, one) => sum + one.bytes, 0) };
}

function fullOfAll({ count, bytes }: Kept, mostBytes: number): SessionError {
  const message = `the kept changes of ${count} ended sessions take ${formatBytes(bytes)}, and ${formatBytes(mostBytes)} is the limit`;
  return new SessionError('LIMIT_REACHED', message, {
    info: { ruleId: 'admission.kept-changes', bytes, mostBytes },
    hint: 'See `paddock changes --all`, and apply or discard what is there.',
  });
}

function fullOfOwn({ count, bytes }: Kept, mostBytes: number): SessionError {
  const message = `the kept changes of ${count} ended sessions of this key take ${formatBytes(bytes)}, and ${formatBytes(mostBytes)} is its limit`;
  return new SessionError('LIMIT_REACHED', message, {
    info: { ruleId: 'key.kept-changes', bytes, mostBytes },
    hint: 'Apply or discard what your ended sessions have changed.',
  });
}
