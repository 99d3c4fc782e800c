import type { OpenFolder } from '../../kit/open-folder.js';
import type { Change } from './change.js';
import { isUnreadable } from './comparison.js';
import { contentHash } from './content.js';

/** What is read to find out, on both sides together; what comes later stays a file that is gone and a new one. */
const mostFiles = 2000;
const mostBytes = 512 * 1024 ** 2;

interface Trees {
  readonly upper: OpenFolder;
  readonly project: OpenFolder;
  readonly signal: AbortSignal;
}

/** Makes one change of a file that is gone and a new one with the very same content. */
export async function withRenames(changes: readonly Change[], trees: Trees): Promise<readonly Change[]> {
  const added = candidates(changes, 'added');
  const sizes = new Set(added.map(({ after }) => after?.sizeBytes));
  const deleted = candidates(changes, 'deleted').filter(({ before }) => sizes.has(before?.sizeBytes));
  if (deleted.length === 0) return changes;
  const hashes = new Hashes(trees);
  const gone = new Map<string, Change[]>();
  for (const change of deleted) {
    const hash = await hashes.of(trees.project, change.path, change.before?.sizeBytes ?? 0);
    if (hash !== undefined) gone.set(hash, [...(gone.get(hash) ?? []), change]);
  }
  const wanted = new Set([...gone.values()].flat().map(({ before }) => before?.sizeBytes));
  const fresh: (readonly [Change, string | undefined])[] = [];
  for (const change of added.filter(({ after }) => wanted.has(after?.sizeBytes))) {
    fresh.push([change, await hashes.of(trees.upper, change.path, change.after?.sizeBytes ?? 0)]);
  }
  const origins = matched(fresh, gone);
  const used = new Set(origins.values());
  return changes
    .filter((change) => !used.has(change))
    .map((change) => {
      const from = origins.get(change);
      if (from?.before === undefined) return change;
      return { ...change, kind: 'renamed', from: from.path, before: from.before };
    });
}

/** Where each new file was before. Of several with its content the one of its name, in another folder, is its own before others take it. */
function matched(
  fresh: readonly (readonly [Change, string | undefined])[],
  gone: ReadonlyMap<string, Change[]>,
): ReadonlyMap<Change, Change> {
  const origins = new Map<Change, Change>();
  for (const isRight of [isOfSameName, () => true]) {
    for (const [change, hash] of fresh) {
      const left = gone.get(hash ?? '') ?? [];
      const at = origins.has(change) ? -1 : left.findIndex((old) => isRight(old, change));
      const [origin] = at < 0 ? [] : left.splice(at, 1);
      if (origin !== undefined) origins.set(change, origin);
    }
  }
  return origins;
}

function isOfSameName(a: Change, b: Change): boolean {
  return lastName(a.path) === lastName(b.path);
}

function candidates(changes: readonly Change[], kind: 'added' | 'deleted'): readonly Change[] {
  return changes.filter((change) => {
    const { type, sizeBytes = 0 } = (kind === 'added' ? change.after : change.before) ?? {};
    return change.kind === kind && change.refused === undefined && type === 'file' && sizeBytes > 0;
  });
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

class Hashes {
  readonly #signal: AbortSignal;
  #leftFiles = mostFiles;
  #leftBytes = mostBytes;

  constructor({ signal }: Pick<Trees, 'signal'>) {
    this.#signal = signal;
  }

  /** Undefined when it can't be read, or enough has been. */
  async of(top: OpenFolder, path: string, sizeBytes: number): Promise<string | undefined> {
    if (this.#leftFiles === 0 || sizeBytes > this.#leftBytes) return undefined;
    this.#leftFiles -= 1;
    this.#leftBytes -= sizeBytes;
    const names = path.split('/');
    const name = names.pop() ?? '';
    try {
      await using folder = await top.down(names);
      return await contentHash({ folder, name }, sizeBytes, this.#signal);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return undefined;
    }
  }
}
