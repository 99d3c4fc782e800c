import { SessionError } from '../core/errors.js';
import type { SitePolicy } from '../core/site-policy.js';
import { formatBytes } from '../core/units.js';
import { type LayerPlaces, listLayers, type NotedLayer } from './layers.js';
import type { CheckedPath } from './with-layer.js';

/** Of one key: each is looked at for everybody's, and may be next to nothing. */
const mostOfKey = 2000;

/** How many things take how much of the disk. */
interface Taken {
  readonly count: number;
  readonly bytes: number;
}

/** What is kept, and the words in which more of it is refused. */
interface KeptKind {
  readonly name: string;
  readonly counted: (count: number) => string;
  readonly hint: string;
  readonly ownRuleId: string;
  readonly ownHint: string;
}

const keptChanges: KeptKind = {
  name: 'the kept changes of ended sessions',
  counted: (count) => `the kept changes of ${count} ended sessions`,
  hint: 'See `paddock changes --all`, and apply or discard what is there.',
  ownRuleId: 'key.kept-changes',
  ownHint: 'Apply or discard what your ended sessions have changed.',
};

export const keptSnapshots: KeptKind = {
  name: 'snapshots',
  counted: (count) => `${count} snapshots`,
  hint: 'Remove some: `paddock snapshots` lists them, and with --rm it removes one.',
  ownRuleId: 'key.snapshots',
  ownHint: 'They go when they expire; take the next one with a shorter keep, or of less.',
};

/** Refuses (LIMIT_REACHED) one more session that may leave changes behind while those of ended ones take all the room that they may. */
export async function refuseMoreKept(
  places: LayerPlaces,
  checked: readonly CheckedPath[],
  { admission: { keptBytes, ownKeptBytes = keptBytes } }: Pick<SitePolicy, 'admission'>,
): Promise<void> {
  if (!checked.some(({ copyOnWrite }) => copyOnWrite)) return;
  const { apiKey } = places;
  const layers = await listLayers(places);
  const own = apiKey === undefined ? undefined : takenBy(layers.filter(({ note }) => note.apiKey === apiKey));
  roomBeside(takenBy(layers), own, { most: keptBytes, mostOwn: ownKeptBytes }, keptChanges);
}

/**
 * The bytes that there is still room for: beside all that is kept, and for the holder of a key (`own`) also beside their own. They hear no number of
 * what others have. Errors: LIMIT_REACHED, where there is none.
 */
export function roomBeside(
  all: Taken,
  own: Taken | undefined,
  { most, mostOwn }: { readonly most: number; readonly mostOwn: number },
  { name, counted, hint, ownRuleId, ownHint }: KeptKind,
): number {
  const ruleId = 'admission.kept-changes';
  if (own === undefined) {
    if (all.bytes < most) return most - all.bytes;
    throw full(`${counted(all.count)} take`, all.bytes, most, { ruleId, hint });
  }
  if (own.count >= mostOfKey) {
    throw new SessionError('LIMIT_REACHED', `${counted(own.count)} of this key are as many as there may be`, {
      info: { ruleId: ownRuleId, most: mostOfKey },
      hint: ownHint,
    });
  }
  if (own.bytes >= mostOwn) {
    throw full(`${counted(own.count)} of this key take`, own.bytes, mostOwn, { ruleId: ownRuleId, hint: ownHint });
  }
  if (all.bytes < most) return Math.min(most - all.bytes, mostOwn - own.bytes);
  throw new SessionError('LIMIT_REACHED', `${name} take all the room that there is for them on this server`, {
    info: { ruleId },
    hint: 'Let go of what you no longer need; if that does not help, tell whoever runs this server.',
  });
}

/** What would take more than it may. */
export function full(
  what: string,
  bytes: number,
  mostBytes: number,
  { ruleId, hint }: { readonly ruleId: string; readonly hint: string },
): SessionError {
  const message = `${what} ${formatBytes(bytes)}, and ${formatBytes(mostBytes)} is the limit`;
  return new SessionError('LIMIT_REACHED', message, { info: { ruleId, bytes, mostBytes }, hint });
}

function takenBy(layers: readonly NotedLayer[]): Taken {
  const kept = layers.flatMap(({ note }) => note.kept ?? []);
  return { count: kept.length, bytes: kept.reduce((sum, one) => sum + one.bytes, 0) };
}
