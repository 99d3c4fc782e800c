import { isGone, OpenFolder } from '../../kit/open-folder.js';
import { eachInTurns, Turns } from '../../kit/turns.js';
import { mostCopiedEntries, readBase } from '../project-copy.js';
import type { Layer } from './layer.js';
import { type ListOptions, listUpper } from './list-upper.js';
import { stampOf, typeOf } from './stamp.js';
import type { UpperEntry } from './upper-tree.js';

/**
 * All that a session has written, with marks for what is gone, whether beside the project or into a copy of it: what is in a copy as it was when
 * that was made, is not there. Errors: those of `listUpper`.
 */
export async function listLayer(layer: Layer, upper: OpenFolder, options: ListOptions): Promise<UpperEntry> {
  if (layer.isCopy !== true) return listUpper(upper, options);
  const now = await listUpper(upper, { ...options, mostEntries: mostCopiedEntries + options.mostEntries });
  const base = await readBase(layer.folder, options.signal);
  return (await differences(base, now, new Turns(options.signal))) ?? { ...now, isOpaque: false, children: [] };
}

const withinMs = 60_000;

/**
 * Whether a session has changed nothing in the copy of its project, or has not even got it whole. What can't be told is taken for a change: nothing is
 * thrown away for that.
 */
export async function isUntouchedCopy(layer: Layer, { program }: { readonly program: string }): Promise<boolean> {
  const options = { program, mostEntries: mostCopiedEntries, signal: AbortSignal.timeout(withinMs) };
  try {
    await using upper = await OpenFolder.at(layer.upper);
    const { children, cut } = await listLayer(layer, upper, options);
    return children.length === 0 && cut === undefined;
  } catch (error) {
    return isGone(error);
  }
}

/** What of a folder differs from what it was; undefined where nothing does. In a copy no mark is the kernel's: a session can make them. */
async function differences(base: UpperEntry, now: UpperEntry, turns: Turns): Promise<UpperEntry | undefined> {
  const before = new Map<string, UpperEntry>();
  await eachInTurns(base.children, turns, (child) => before.set(child.name.toString('latin1'), child));
  const children: UpperEntry[] = [];
  for (const child of now.children) {
    if (turns.isDue) await turns.give();
    const key = child.name.toString('latin1');
    const found = before.get(key);
    before.delete(key);
    const differing = await (found === undefined ? unmarked(child, turns) : difference(found, child, turns));
    if (differing !== undefined) children.push(differing);
  }
  // Of what was not listed whole nobody knows what is missing from it.
  if (now.cut === undefined) await eachInTurns(before.values(), turns, (child) => children.push(gone(child)));
  const isSame = children.length === 0 && now.cut === undefined && base.facts.mode === now.facts.mode;
  return isSame ? undefined : { ...now, isOpaque: false, children };
}

async function difference(base: UpperEntry, now: UpperEntry, turns: Turns): Promise<UpperEntry | undefined> {
  const [was, is] = [typeOf(base.facts), typeOf(now.facts)];
  if (was === 'folder' && is === 'folder') return differences(base, now, turns);
  const isSame = stampOf(base.facts) === stampOf(now.facts) && base.target.equals(now.target);
  return isSame ? undefined : unmarked(now, turns);
}

async function unmarked(entry: UpperEntry, turns: Turns): Promise<UpperEntry> {
  if (turns.isDue) await turns.give();
  const children: UpperEntry[] = [];
  for (const child of entry.children) children.push(await unmarked(child, turns));
  return { ...entry, isWhiteout: false, isOpaque: false, children };
}

function gone(entry: UpperEntry): UpperEntry {
  return { ...entry, isWhiteout: true, children: [] };
}
