import type { OpenFolder } from '../../kit/open-folder.js';
import type { Turns } from '../../kit/turns.js';
import { isUnreadable } from './comparison.js';
import { contentHash } from './content.js';
import type { Lanes } from './lanes.js';

/** A file as it was seen to be. */
export interface SeenFile {
  /** Below the folder, with `/` between the names. */
  readonly path: string;
  readonly sizeBytes: number;
}

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: { readonly name: string; readonly file: SeenFile }[];
}

const emptyFolder = (): Folder => ({ folders: new Map(), files: [] });

/** SHA-256 of files below a folder, by their paths, without those that can't be read. Every folder on the way is opened once for all that is in it. */
export async function hashesOf(
  top: OpenFolder,
  files: readonly SeenFile[],
  { lanes, turns, signal }: { readonly lanes: Lanes; readonly turns: Turns; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  const hashBelow = async (folder: OpenFolder, tree: Folder): Promise<void> => {
    await lanes.each(tree.files, ({ name, file }) =>
      unlessUnreadable(async () => {
        await turns.give();
        hashes.set(file.path, await contentHash({ folder, name }, file.sizeBytes, signal));
      }),
    );
    await lanes.each(tree.folders, ([name, below]) =>
      unlessUnreadable(async () => {
        signal.throwIfAborted();
        await using next = await folder.folder(name);
        await hashBelow(next, below);
      }),
    );
  };
  await hashBelow(top, treeOf(files));
  return hashes;
}

function treeOf(files: readonly SeenFile[]): Folder {
  const top = emptyFolder();
  for (const file of files) {
    const names = file.path.split('/');
    const name = names.pop() ?? '';
    let at = top;
    for (const folder of names) {
      const next = at.folders.get(folder) ?? emptyFolder();
      at.folders.set(folder, next);
      at = next;
    }
    at.files.push({ name, file });
  }
  return top;
}

async function unlessUnreadable(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
}
