import { constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { OpenFolder } from '../../kit/open-folder.js';
import { removeTree } from '../../kit/remove-tree.js';
import { listLayer } from '../changes/copied-layer.js';
import type { Layer } from '../changes/layer.js';
import type { ListOptions } from '../changes/list-upper.js';
import { typeOf } from '../changes/stamp.js';
import type { UpperEntry } from '../changes/upper-tree.js';
import { copyChanges } from '../copy-changes.js';

/** A session that ended had no more than it may write. */
const most = { mostBytes: 2 ** 50, mostEntries: 1_000_000 };
const flatName = 'flat';

/** The folder that is packed of a layer. */
interface Alone extends AsyncDisposable {
  readonly upper: string;
}

/**
 * What a session has changed, in the form of an overlay's layer: of a copy of a project only what differs from that, in a folder of its own, which goes
 * when it is disposed of. Errors: SNAPSHOT_FAILED (also where something would be missing), INIT_MISSING, an AbortError.
 */
export async function changesAlone(
  layer: Layer,
  { program, signal }: Pick<ListOptions, 'program' | 'signal'>,
): Promise<Alone> {
  if (layer.isCopy !== true) return { upper: layer.upper, [Symbol.asyncDispose]: () => Promise.resolve() };
  const flat = join(layer.folder, flatName);
  const drop = () => removeTree(flat);
  await drop();
  await mkdir(flat, { mode: 0o700 });
  try {
    await using upper = await OpenFolder.at(layer.upper);
    await using to = await OpenFolder.at(flat);
    const { leftOut } = await copyChanges(layer, to, { ...most, program, signal });
    const nothing = leftOut === 0 ? 0 : countNoWork(await listLayer(layer, upper, { ...most, program, signal }));
    if (leftOut > nothing) {
      throw new PaddockError('SNAPSHOT_FAILED', 'files that can not be read would be missing from what is kept');
    }
    return { upper: flat, [Symbol.asyncDispose]: drop };
  } catch (error) {
    await drop();
    throw error;
  }
}

/** Sockets and devices: there is no work in them. Pipes are copied: counted here, each would stand for a file that is missing. */
function countNoWork({ children }: UpperEntry): number {
  return children.reduce((sum, child) => {
    const isLeftOut = !child.isWhiteout && typeOf(child.facts) === 'other' && !isPipe(child);
    return sum + (isLeftOut ? 1 : 0) + countNoWork(child);
  }, 0);
}

function isPipe({ facts: { mode } }: UpperEntry): boolean {
  return (Number(mode) & constants.S_IFMT) === constants.S_IFIFO;
}
