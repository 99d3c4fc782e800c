import { OpenFolder } from '../../kit/open-folder.js';
import { filterInTurns, Turns } from '../../kit/turns.js';
import { placeOf } from '../../policy/choose-changes.js';
import type { WithheldPlaces } from '../../policy/withheld.js';
import { isJudgedByContent, verdictOnContent } from '../../policy/withheld-content.js';
import { contentVerdict } from '../../workspace/apply/content-judge.js';
import type { Withheld } from '../../workspace/apply/result.js';
import type { Change } from '../../workspace/changes/change.js';
import type { Layer } from '../../workspace/changes/layer.js';

/** One file takes a fraction of a millisecond, and one that is not held back by its place is rarely one of many. */
const mostFiles = 500;

/**
 * Which changes are withheld for what is in them, and what that is. Those beyond what is looked into count as withheld: when they are applied, all
 * of them are looked into again.
 */
export async function heldByContent(
  layer: Layer,
  changes: readonly Change[],
  places: WithheldPlaces,
  signal: AbortSignal,
): Promise<ReadonlyMap<Change, Withheld>> {
  const turns = new Turns(signal);
  const concerned = await filterInTurns(
    changes,
    turns,
    (change) =>
      change.refused === undefined &&
      (isJudgedByContent(change.path) || isJudgedByContent(change.from ?? '')) &&
      places.verdictOn(placeOf(change)) === undefined,
  );
  const held = new Map<Change, Withheld>();
  if (concerned.length === 0) return held;
  await using upper = await OpenFolder.at(layer.upper);
  await using project = await OpenFolder.at(layer.project.source);
  const judge = { concerns: isJudgedByContent, judge: verdictOnContent };
  for (const [index, change] of concerned.entries()) {
    await turns.give();
    const verdict =
      index < mostFiles
        ? await contentVerdict(change, { upper, project }, judge)
        : verdictOnContent(change.path, 'unknown', 'unknown');
    if (verdict !== undefined) held.set(change, verdict);
  }
  return held;
}
