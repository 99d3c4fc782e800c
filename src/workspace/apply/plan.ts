import { randomBase32 } from '../../kit/random-id.js';
import { eachInTurns, sortInTurns, type Turns } from '../../kit/turns.js';
import type { Change } from '../changes/change.js';
import { ancestors } from './ancestors.js';
import type { Ready } from './check.js';
import type { Seen } from './seen.js';
import type { Standing } from './standing.js';
import type { Step } from './step.js';

/** Where new content waits until it is given its place, and what is to go until it is known to be that. */
function tempName(): string {
  return `.paddock-${randomBase32(26)}.tmp`;
}

/**
 * All that is to be done, in an order in which each step finds what it needs: first what must go for something else to take its
 * place, then new folders from the top down, then files and links, then what goes. `missing`: folders that
 * changes lie in and that the project does not have, with the permissions they get. `atOf`: the lowest folder that a path lies in and
 * that is there.
 */
export async function stepsFor(
  ready: readonly Ready[],
  { missing, atOf }: Standing,
  turns: Turns,
): Promise<readonly Step[]> {
  const isEarly = await earliness(ready, turns);
  const early: Step[] = [];
  const late: Step[] = [];
  const puts: Step[] = [];
  const modes: Step[] = [];
  const folders = [...missing].map(([path, mode]): Step => ({ do: 'folder', path, of: -1, mode, expect: null }));
  await eachInTurns(ready.entries(), turns, ([of, one]) => {
    for (const step of removalsOf(one, of)) (isEarly(step) ? early : late).push(step);
    folders.push(...foldersOf(one, of));
    puts.push(...putOf(one, of, atOf));
    modes.push(...modesOf(one, of));
  });
  return [
    ...(await sortInTurns(early, turns, deepestFirst)),
    ...(await sortInTurns(folders, turns, (a, b) => deepestFirst(b, a))),
    ...puts,
    ...(await sortInTurns(late, turns, deepestFirst)),
    ...(await sortInTurns(modes, turns, deepestFirst)),
  ];
}

/** Tells which removals make way for something else. */
async function earliness(ready: readonly Ready[], turns: Turns): Promise<(step: Step) => boolean> {
  const above = new Set<string>();
  const taken = new Set<string>();
  await eachInTurns(ready, turns, ({ change, expect }) => {
    if (!isPlaced(change)) return;
    for (const path of ancestors(change.path)) above.add(path);
    if (expect !== null) taken.add(change.path);
  });
  return ({ path, of }) => {
    // What was moved goes from its old place once it has its new one, and never before.
    if (ready[of]?.change.kind === 'renamed') return false;
    return above.has(path) || ancestors(path).some((one) => taken.has(one)) || taken.has(path);
  };
}

function isPlaced({ kind, after }: Change): boolean {
  return after !== undefined && kind !== 'mode';
}

/** A folder can not be put over a file, nor a file over a folder: what is there goes first, by a step of its own. */
function leftThere(expect: Seen | null, type: 'folder' | 'put'): Seen | null {
  return expect !== null && (expect.type === 'folder') === (type === 'folder') ? expect : null;
}

function removalsOf({ change, expect, expectFrom }: Ready, of: number): readonly Step[] {
  const { kind, path, from, after } = change;
  if (kind === 'renamed') return from === undefined || expectFrom === null ? [] : [removal(of, from, expectFrom)];
  if (kind === 'mode' || expect === null) return [];
  const isReplaced = after !== undefined && (after.type === 'folder') !== (expect.type === 'folder');
  return kind === 'deleted' || isReplaced ? [removal(of, path, expect)] : [];
}

function removal(of: number, path: string, expect: Seen): Step {
  if (expect.type === 'folder') return { do: 'remove-folder', of, path, expect };
  return { do: 'remove', of, path, expect, temp: tempName() };
}

function foldersOf({ change: { kind, path, after }, expect }: Ready, of: number): readonly Step[] {
  if (after?.type !== 'folder' || kind === 'mode') return [];
  return [{ do: 'folder', path, of, mode: after.mode & 0o777, expect: leftThere(expect, 'folder') }];
}

function modesOf({ change: { kind, path, after }, expect }: Ready, of: number): readonly Step[] {
  if (kind !== 'mode' || after === undefined) return [];
  return [{ do: 'mode', of, path, expect, mode: after.mode & 0o777 }];
}

function putOf({ change, expect }: Ready, of: number, atOf: (path: string) => string): readonly Step[] {
  const { kind, path, after } = change;
  if (after === undefined || kind === 'mode' || after.type === 'folder') return [];
  const put = { do: 'put', of, path, expect: leftThere(expect, 'put'), temp: tempName(), at: atOf(path) } as const;
  return [{ ...put, mode: after.mode & 0o777 }];
}

function depth({ path }: { readonly path: string }): number {
  return path.split('/').length;
}

function deepestFirst(a: { readonly path: string }, b: { readonly path: string }): number {
  return depth(b) - depth(a);
}
