import { constants } from 'node:fs';
import { OpenFolder } from '../../kit/open-folder.js';
import { eachInTurns, mapInTurns, sortInTurns, Turns } from '../../kit/turns.js';
import type { Change, Entry, Review } from './change.js';
import { changesOf, type ReviewOptions } from './changes-of.js';
import { hasSameContent } from './content.js';
import type { Layer } from './layer.js';

/** A path that at least one of two sessions has changed. */
export interface Difference {
  readonly path: string;
  /** What each did there; absent where it left the project's. */
  readonly a?: Change;
  readonly b?: Change;
  /** Whether both show the same there: kind, permissions, content, and where a link leads. */
  readonly isSame: boolean;
}

export interface Comparison {
  /** By the bytes of the paths. */
  readonly differences: readonly Difference[];
  readonly isComplete: boolean;
}

/**
 * Holds what two sessions have made of one project against each other. As with a review, what was written counts and not the project's size. Errors:
 * those of `changesOf`; the caller makes sure that both are of the same project.
 */
export async function compareLayers(a: Layer, b: Layer, options: ReviewOptions): Promise<Comparison> {
  const [ofA, ofB] = await Promise.all([changesOf(a, options), changesOf(b, options)]);
  await using upperA = await OpenFolder.at(a.upper);
  await using upperB = await OpenFolder.at(b.upper);
  const turns = new Turns(options.signal);
  const [inA, inB] = [await byPath(ofA, turns), await byPath(ofB, turns)];
  const uppers = { a: upperA, b: upperB };
  const differences: Difference[] = [];
  for (const path of await pathsOf([inA, inB], turns)) {
    if (turns.isDue) await turns.give();
    const [one, other] = [inA.get(path), inB.get(path)];
    const isSame = one !== undefined && other !== undefined && (await isSameChange(one, other, uppers, options.signal));
    differences.push({ path, ...(one && { a: one }), ...(other && { b: other }), isSame });
  }
  return { differences, isComplete: ofA.isComplete && ofB.isComplete };
}

interface Uppers {
  readonly a: OpenFolder;
  readonly b: OpenFolder;
}

async function isSameChange(
  { after: one, path }: Change,
  { after: other }: Change,
  uppers: Uppers,
  signal: AbortSignal,
): Promise<boolean> {
  if (one === undefined || other === undefined) return one === other;
  if (one.type !== other.type || one.mode !== other.mode || one.target !== other.target) return false;
  if (one.type === 'folder' || one.type === 'link') return true;
  return one.sizeBytes === other.sizeBytes && (await isSameBelow(path, one, uppers, signal));
}

/** What can't be read is not known to be the same. */
async function isSameBelow(path: string, entry: Entry, { a, b }: Uppers, signal: AbortSignal): Promise<boolean> {
  const names = path.split('/');
  const name = names.pop() ?? '';
  try {
    await using folderA = await a.down(names);
    await using folderB = await b.down(names);
    const [inA, inB] = [
      { folder: folderA, name },
      { folder: folderB, name },
    ];
    if (entry.type === 'other') return await isSameKind(inA, inB);
    return await hasSameContent(inA, inB, entry.sizeBytes, signal);
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

interface Named {
  readonly folder: OpenFolder;
  readonly name: string;
}

/** A FIFO or a socket has no content that outlives those who use it; which device one is does not come with the rest. */
async function isSameKind(a: Named, b: Named): Promise<boolean> {
  const [one, other] = await Promise.all([a.folder.entry(a.name), b.folder.entry(b.name)]);
  if (one === undefined || one.mode !== other?.mode) return false;
  return [constants.S_IFIFO, constants.S_IFSOCK].includes(Number(one.mode) & constants.S_IFMT);
}

/** A renaming is also that what was there before is gone. */
async function byPath({ changes }: Review, turns: Turns): Promise<ReadonlyMap<string, Change>> {
  const all = new Map<string, Change>();
  await eachInTurns(changes, turns, (change) => {
    const { path, from, before } = change;
    all.set(path, change);
    if (from !== undefined) all.set(from, { path: from, kind: 'deleted', ...(before && { before }) });
  });
  return all;
}

/** By their bytes. */
async function pathsOf(sides: readonly ReadonlyMap<string, Change>[], turns: Turns): Promise<readonly string[]> {
  const paths = new Set<string>();
  for (const side of sides) await eachInTurns(side.keys(), turns, (path) => paths.add(path));
  const keyed = await mapInTurns(paths, turns, (path) => ({ path, key: Buffer.from(path) }));
  const ordered = await sortInTurns(keyed, turns, (a, b) => Buffer.compare(a.key, b.key));
  return mapInTurns(ordered, turns, ({ path }) => path);
}
