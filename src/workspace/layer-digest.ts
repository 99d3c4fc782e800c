import { createHash, type Hash } from 'node:crypto';
import type { OpenFolder } from '../kit/open-folder.js';
import { sortInTurns, Turns } from '../kit/turns.js';
import { contentHash } from './changes/content.js';
import { type ListOptions, listUpper } from './changes/list-upper.js';
import { typeOf } from './changes/stamp.js';
import type { UpperEntry } from './changes/upper-tree.js';

/**
 * SHA-256 over all that is in a layer: names, kinds, modes, contents, where links lead, and the kernel's marks; not times and owners, so that the
 * same work has the same digest. The layer must not change meanwhile. Errors: those of `listUpper` and OpenFolder.
 */
export async function digestOf(upper: OpenFolder, options: ListOptions): Promise<string> {
  const hash = createHash('sha256');
  const { signal } = options;
  await addFolder(hash, upper, await listUpper(upper, options), { turns: new Turns(signal), signal });
  return hash.digest('hex');
}

interface Waited {
  readonly turns: Turns;
  readonly signal: AbortSignal;
}

async function addFolder(hash: Hash, folder: OpenFolder, listed: UpperEntry, by: Waited): Promise<void> {
  const { turns, signal } = by;
  add(hash, [listed.isOpaque ? 'opaque' : 'folder', String(Number(listed.facts.mode) & 0o7777)]);
  for (const entry of await sortInTurns(listed.children, turns, (a, b) => Buffer.compare(a.name, b.name))) {
    if (turns.isDue) await turns.give();
    const { name, facts, target, isWhiteout } = entry;
    const type = isWhiteout ? 'gone' : typeOf(facts);
    add(hash, [type, String(Number(facts.mode) & 0o7777)]);
    addBytes(hash, name);
    if (type === 'file') add(hash, [await contentHash({ folder, name }, Number(facts.size), signal)]);
    if (type === 'link') addBytes(hash, target);
    if (type !== 'folder') continue;
    await using below = await folder.folder(name);
    await addFolder(hash, below, entry, by);
  }
  add(hash, ['end']);
}

function add(hash: Hash, words: readonly string[]): void {
  hash.update(`${JSON.stringify(words)}\n`);
}

/** With their length: no name can stand for what follows it. */
function addBytes(hash: Hash, bytes: Buffer): void {
  hash.update(`${bytes.length}\n`).update(bytes);
}
