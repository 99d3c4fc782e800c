import { PaddockError } from '../../core/errors.js';
import { type Clock, systemClock } from '../../kit/clock.js';
import { OpenFolder } from '../../kit/open-folder.js';
import { mapInTurns, sortInTurns, Turns } from '../../kit/turns.js';
import type { HostObject } from '../approve.js';
import { type Change, type CutReason, cutReasons, type Review } from './change.js';
import { type Findings, isUnreadable } from './comparison.js';
import { listLayer } from './copied-layer.js';
import { Lanes } from './lanes.js';
import type { Layer } from './layer.js';
import { topPath } from './names.js';
import { withRenames } from './renames.js';
import { Settling } from './settling.js';
import { compareFolder } from './walk.js';

export interface ReviewOptions {
  /** paddock-init, as a program of this host: it reads what Node can't. */
  readonly program: string;
  readonly signal: AbortSignal;
  /** How many entries of the layer are looked at, and how many of the project are listed where a whole folder is gone; default 200,000. */
  readonly mostEntries?: number;
  readonly clock?: Clock;
}

const defaultMostEntries = 200_000;
/** Each may have two folders open for every level of a tree. */
const laneCount = 4;

/**
 * What a session shows in its project that differs from the project as it is now. It takes as long as what was written is large, and
 * not the project. Nothing is changed, no engine is asked and the session may be running: what changes meanwhile is shown as it
 * was at one moment or another, under a stamp that tells. Not compared: times, owners, extended attributes, and the mode of the project's
 * own folder. Errors: INIT_MISSING, CHANGES_UNREADABLE, an AbortError.
 */
export async function changesOf(layer: Layer, options: ReviewOptions): Promise<Review> {
  const { signal, clock = systemClock, mostEntries = defaultMostEntries, program } = options;
  await using upper = await openOr(layer.upper, 'what the session has written is not there any more');
  await using project = await openOr(layer.project.source, 'the project is not there any more');
  await assertSame(project, layer.project);
  for (const folder of [upper, project]) await folder.hurry();
  const turns = new Turns(signal);
  const findings: Findings = {
    ...{ changes: [], cuts: new Set<CutReason>(), settling: new Settling(clock, signal), lanes: new Lanes(laneCount) },
    ...{ signal, turns, listedSinceMs: clock.now(), now: () => clock.now(), leftEntries: mostEntries },
  };
  const top = await listLayer(layer, upper, { program, mostEntries, signal });
  await compareFolder({ path: topPath, depth: 0, upper, project }, top, top.isOpaque, findings);
  const { lanes } = findings;
  const found = await withRenames(await sorted(findings.changes, turns), { upper, project, lanes, turns, signal });
  const changes = layer.lasting === undefined ? found : await lasting(found, layer.lasting, turns);
  const cutBecause = (Object.keys(cutReasons) as CutReason[]).filter((reason) => findings.cuts.has(reason));
  return { changes, isComplete: cutBecause.length === 0, cutBecause };
}

function lasting(changes: readonly Change[], name: string, turns: Turns): Promise<readonly Change[]> {
  const named = ({ after, ...change }: Change) => ({ ...change, ...(after && { after: { ...after, lasting: name } }) });
  return mapInTurns(changes, turns, named);
}

async function openOr(path: string, message: string): Promise<OpenFolder> {
  try {
    return await OpenFolder.at(path);
  } catch (cause) {
    if (!isUnreadable(cause)) throw cause;
    throw new PaddockError('CHANGES_UNREADABLE', message, { cause });
  }
}

async function assertSame(project: OpenFolder, { dev, ino }: HostObject): Promise<void> {
  const found = await project.stat();
  if (String(found.dev) === dev && String(found.ino) === ino) return;
  throw new PaddockError('CHANGES_UNREADABLE', 'another folder is where the project of the session was');
}

/** By the bytes of the paths. */
async function sorted(changes: readonly Change[], turns: Turns): Promise<readonly Change[]> {
  const keyed = await mapInTurns(changes, turns, (change) => ({ change, key: Buffer.from(change.path) }));
  const ordered = await sortInTurns(keyed, turns, (a, b) => Buffer.compare(a.key, b.key));
  return mapInTurns(ordered, turns, ({ change }) => change);
}
