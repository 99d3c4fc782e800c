import { PaddockError } from '../core/errors.js';
import { OpenFolder } from '../kit/open-folder.js';
import { listLayer } from './changes/copied-layer.js';
import type { Layer } from './changes/layer.js';
import { typeOf } from './changes/stamp.js';
import type { UpperEntry } from './changes/upper-tree.js';
import { type CopiedLayer, type CopyOptions, copyChosen, copyLayer } from './copy-layer.js';

/**
 * Copies what a session has changed into an empty folder of ours, in the form of an overlay's layer, whether the session writes beside its project or
 * into a copy of it: so nobody can tell what began as the one from what began as the other. Errors: SNAPSHOT_FAILED, INIT_MISSING, CHANGES_UNREADABLE,
 * an AbortError.
 */
export async function copyChanges(layer: Layer, to: OpenFolder, options: CopyOptions): Promise<CopiedLayer> {
  await using upper = await OpenFolder.at(layer.upper);
  if (layer.isCopy !== true) return await copyLayer(upper, to, options);
  const { program, mostEntries, signal } = options;
  const plan = new Plan();
  plan.folder(await listLayer(layer, upper, { program, mostEntries, signal }));
  const copied = await copyChosen(upper, to, plan.bytes, options);
  return { ...copied, leftOut: copied.leftOut + plan.leftOut };
}

/** The words of src/init/layer-plan.h. */
class Plan {
  /** Folders that can't be looked into. */
  leftOut = 0;
  readonly #words: Uint8Array[] = [];

  get bytes(): Buffer {
    return Buffer.concat(this.#words);
  }

  folder({ children, cut }: UpperEntry): void {
    // What was not looked at would be missing from the copy, and nobody would know.
    if (cut !== undefined) {
      const message = `not all that the session has changed can be looked at (${cut})`;
      throw new PaddockError('SNAPSHOT_FAILED', message);
    }
    for (const child of children) this.#entry(child);
    this.#say('e');
  }

  #entry(entry: UpperEntry): void {
    const { name, facts, isWhiteout, cut } = entry;
    if (isWhiteout) this.#say('w', name);
    else if (typeOf(facts) !== 'folder') this.#say('c', name);
    else if (cut === 'unreadable') this.leftOut += 1;
    else {
      this.#say('d', name);
      this.folder(entry);
    }
  }

  #say(kind: 'd' | 'c' | 'w' | 'e', name: Uint8Array = Buffer.alloc(0)): void {
    this.#words.push(Buffer.from(kind), name, Buffer.from([0]));
  }
}
