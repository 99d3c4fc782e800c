import { toPaddockError } from '../core/errors.js';
import { systemClock } from '../kit/clock.js';
import { requireToRead } from '../session/changes/layer-to-read.js';
import { countsOf } from '../session/changes/review-report.js';
import { shownReview } from '../session/changes/shown-review.js';
import type { Session } from '../session/session.js';
import { openedLayer } from '../workspace/changes/layer.js';
import type { App } from './app.js';
import { layerReview } from './layer-review.js';

/** What a command has changed, counted; `unknown`: the code of the error that kept us from looking. */
export type RunChanges =
  | (Awaited<ReturnType<typeof countsOf>> & { readonly isComplete: boolean })
  | { readonly unknown: string };

/** What has been changed in a copy-on-write workspace; undefined in any other. That it can't be looked at is no failure of the command, which has run. */
export async function changesOfRun(app: App, session: Session, signal: AbortSignal): Promise<RunChanges | undefined> {
  if (session.record.spec.workspace !== 'cow') return undefined;
  try {
    await using open = await openedLayer((await requireToRead(app.store, session.id, systemClock)).layer, signal);
    const { layer } = open;
    const { changes, isComplete } = await shownReview(layer, await layerReview(app)(layer, signal));
    return { ...(await countsOf(changes)), isComplete };
  } catch (error) {
    return { unknown: toPaddockError(error).code };
  }
}

/** The same in a line, with what becomes of it; undefined where nothing was changed. */
export function changesLine(changes: RunChanges, id: string, isKept: boolean, who = 'the command'): string | undefined {
  const kept = isKept ? `kept: \`paddock changes ${id}\`` : 'not kept: --keep does that';
  if ('unknown' in changes) return `what ${who} has changed could not be looked at (${changes.unknown}), ${kept}`;
  const { total, isComplete, ...counts } = changes;
  if (total === 0 && isComplete) return undefined;
  const words = Object.entries(counts).flatMap(([kind, count]) => (count === 0 ? [] : [`${count} ${kind}`]));
  if (!isComplete) words.push('and more that was not looked at');
  return `${who} has changed the workspace (${words.join(', ')}), ${kept}`;
}
