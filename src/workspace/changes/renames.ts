import type { OpenFolder } from '../../kit/open-folder.js';
import { eachInTurns, filterInTurns, mapInTurns, type Turns } from '../../kit/turns.js';
import type { Change } from './change.js';
import { hashesOf, type SeenFile } from './hash-files.js';
import type { Lanes } from './lanes.js';

/** What is read to find out, on both sides together; what comes later stays a file that is gone and a new one. */
const mostFiles = 2000;
const mostBytes = 512 * 1024 ** 2;

interface Trees {
  readonly upper: OpenFolder;
  readonly project: OpenFolder;
  readonly lanes: Lanes;
  readonly turns: Turns;
  readonly signal: AbortSignal;
}

/** Makes one change of a file that is gone and a new one with the very same content, in the place of the new one. */
export async function withRenames(changes: readonly Change[], trees: Trees): Promise<readonly Change[]> {
  const { turns } = trees;
  const added = await filterInTurns(changes, turns, (change) => isCandidate(change, 'added'));
  const sizes = new Set(await mapInTurns(added, turns, ({ after }) => after?.sizeBytes));
  const isAlike = ({ before }: Change) => sizes.has(before?.sizeBytes);
  const deleted = await filterInTurns(changes, turns, (one) => isCandidate(one, 'deleted') && isAlike(one));
  if (deleted.length === 0) return changes;
  const budget = new Budget();
  const before = await hashesOf(trees.project, await budget.take(deleted, 'before', turns), trees);
  const gone = new Map<string, Change[]>();
  await eachInTurns(deleted, turns, (change) => {
    const hash = before.get(change.path);
    if (hash !== undefined) gone.set(hash, [...(gone.get(hash) ?? []), change]);
  });
  const wanted = new Set([...gone.values()].flat().map((change) => change.before?.sizeBytes));
  const alike = await filterInTurns(added, turns, (change) => wanted.has(change.after?.sizeBytes));
  const after = await hashesOf(trees.upper, await budget.take(alike, 'after', turns), trees);
  const read = await filterInTurns(alike, turns, (change) => after.has(change.path));
  const fresh = read.map((change) => [change, after.get(change.path)] as const);
  const origins = await matched(fresh, gone, turns);
  const used = new Set(origins.values());
  const kept = await filterInTurns(changes, turns, (change) => !used.has(change));
  return mapInTurns(kept, turns, (change) => {
    const from = origins.get(change);
    if (from?.before === undefined) return change;
    return { ...change, kind: 'renamed', from: from.path, before: from.before };
  });
}

/** Where each new file was before. Of several with its content the one of its name, in another folder, is its own before others take it. */
async function matched(
  fresh: readonly (readonly [Change, string | undefined])[],
  gone: ReadonlyMap<string, Change[]>,
  turns: Turns,
): Promise<ReadonlyMap<Change, Change>> {
  const origins = new Map<Change, Change>();
  for (const isRight of [isOfSameName, () => true]) {
    await eachInTurns(fresh, turns, ([change, hash]) => {
      const left = gone.get(hash ?? '') ?? [];
      const at = origins.has(change) ? -1 : left.findIndex((old) => isRight(old, change));
      const [origin] = at < 0 ? [] : left.splice(at, 1);
      if (origin !== undefined) origins.set(change, origin);
    });
  }
  return origins;
}

function isOfSameName(a: Change, b: Change): boolean {
  return lastName(a.path) === lastName(b.path);
}

function isCandidate(change: Change, kind: 'added' | 'deleted'): boolean {
  if (change.kind !== kind || change.refused !== undefined) return false;
  const { type, sizeBytes = 0 } = (kind === 'added' ? change.after : change.before) ?? {};
  return type === 'file' && sizeBytes > 0;
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What may still be read. */
class Budget {
  #leftFiles = mostFiles;
  #leftBytes = mostBytes;

  /** As many of them as it is enough for, as files to be read. */
  async take(changes: readonly Change[], side: 'before' | 'after', turns: Turns): Promise<readonly SeenFile[]> {
    const files: SeenFile[] = [];
    await eachInTurns(changes, turns, (change) => {
      const { sizeBytes = 0 } = change[side] ?? {};
      if (this.#leftFiles === 0 || sizeBytes > this.#leftBytes) return;
      this.#leftFiles -= 1;
      this.#leftBytes -= sizeBytes;
      files.push({ path: change.path, sizeBytes });
    });
    return files;
  }
}
