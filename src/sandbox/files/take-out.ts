import { hash } from 'node:crypto';
import type { Extract } from 'tar-stream';
import { codeOf } from '../../kit/error-code.js';
import type { OpenFolder } from '../../kit/open-folder.js';
import { type QuickFolder, QuickFolders, quickBytes } from '../../kit/quick-folder.js';
import { Turns } from '../../kit/turns.js';
import { contentIn } from '../../workspace/apply/content-judge.js';
import { type CheckedEntry, checkedEntries } from './checked-entries.js';
import { DraftNames } from './draft-names.js';
import { filled, wholeOf } from './entry-content.js';
import type { PlaceJudge } from './place-judge.js';
import { type Tally, whyLeftOut } from './tally.js';
import type { TransferBounds } from './transfer-bounds.js';

export interface Destination {
  /** Stays its owner's. */
  readonly folder: OpenFolder;
  /** What the root of the archive is called in there; undefined: its content goes into the folder itself. */
  readonly name: string | undefined;
  readonly overwrite: boolean;
  readonly judge: PlaceJudge;
  /** A file can't be put there. */
  readonly onlyFolder?: boolean;
}

/**
 * Puts what comes out of a sandbox into a folder of the host. Nothing of it is believed: every entry is reached by single names from
 * a folder that is open, so that no name and no link leads out, whatever is swapped meanwhile. Files take their names when they are
 * whole, and belong to us, with no more rights than our umask gives. What is not taken is in the tally. Rejects where the archive
 * breaks off, or the disk does: what was made until then is whole, and stays.
 */
export async function takeOut(archive: Extract, to: Destination, tally: Tally, bounds: TransferBounds): Promise<void> {
  await using taking = new Taking(to, tally);
  for await (const entry of checkedEntries(archive, tally, bounds)) await taking.take(entry);
}

interface Opened {
  readonly path: string;
  readonly folder: OpenFolder;
  readonly quick: QuickFolder | undefined;
  /** Made by this transfer: nothing of before is in it. */
  readonly isNew: boolean;
}

interface Made {
  readonly key: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

class Taking implements AsyncDisposable {
  readonly #tally: Tally;
  readonly #to: Destination;
  /** By their names without case: on some file systems two that differ in it are one. */
  readonly #made = new Map<string, Made>();
  /** Folders that are not made: what is in them is counted, and not said one by one. */
  readonly #closed = new Set<string>();
  readonly #quick = new QuickFolders();
  readonly #turns = new Turns();
  readonly #drafts = new DraftNames();
  #open: Opened | undefined;

  constructor(to: Destination, tally: Tally) {
    this.#to = to;
    this.#tally = tally;
  }

  async take(entry: CheckedEntry): Promise<void> {
    const path = pathOf(entry);
    const isBelowClosed = entry.names.length > 0 && this.#closed.has(entry.names.slice(0, -1).join('/') || '.');
    await this.#turns.give();
    const rule = this.#to.judge.place({ path, kind: entry.kind, target: entry.target });
    // One that is named is put also into a folder that is withheld.
    const why = rule ?? (await this.#put(entry, path).catch(whyLeftOut));
    if (why === undefined) return;
    if (entry.kind === 'folder') this.#closed.add(path);
    if (isBelowClosed) this.#tally.leaveMore(1);
    else this.#tally.leave(path, why);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.folder[Symbol.asyncDispose]();
  }

  /** Undefined: it is there; else why it is not. */
  async #put(entry: CheckedEntry, path: string): Promise<string | undefined> {
    const { name, onlyFolder = false } = this.#to;
    const names = name === undefined ? entry.names : [name, ...entry.names];
    const mode = entry.mode & 0o755;
    if (entry.kind === 'folder') {
      await this.#folder(names, mode | 0o700);
      this.#tally.addFolder(path, mode | 0o700);
      return undefined;
    }
    const last = names.at(-1);
    if (last === undefined || (onlyFolder && entry.names.length === 0)) return 'in-the-way';
    const { folder: parent, quick, isNew } = await this.#folder(names.slice(0, -1), 0o755);
    if (await this.#isTwin(quick ?? parent, last, names)) return 'twice';
    // A link replaces nothing either: this only spares the writing.
    if (!isNew && !this.#to.overwrite && (await (quick ?? parent).entry(last)) !== undefined) return 'exists';
    if (quick !== undefined && entry.kind === 'file' && entry.sizeBytes <= quickBytes && !this.#to.judge.concerns(path))
      return this.#smallFile(quick, last, { ...entry, mode }, names);
    return entry.kind === 'link'
      ? this.#link(parent, last, entry, names)
      : this.#file(parent, last, { ...entry, mode }, names);
  }

  /** The folder of those names, made where it is missing. The last one is kept open: entries of one folder come together. */
  async #folder(names: readonly string[], mode: number): Promise<Opened> {
    const path = names.join('/');
    if (this.#open?.path === path) return this.#open;
    let folder = await this.#to.folder.down([]);
    let quick: QuickFolder | undefined;
    let isNew = false;
    try {
      for (const [at, name] of names.entries()) {
        const parent = folder;
        [folder, isNew] = await openOrMake(parent, name, at === names.length - 1 ? mode : 0o755);
        await parent[Symbol.asyncDispose]();
      }
      quick = await this.#quick.of(folder);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
    await this.#open?.folder[Symbol.asyncDispose]();
    this.#open = { path, folder, quick, isNew };
    return this.#open;
  }

  /** Whether what is there is what this transfer itself has put there, under another spelling. */
  async #isTwin(parent: OpenFolder | QuickFolder, name: string, names: readonly string[]): Promise<boolean> {
    const made = this.#made.get(foldedKey(names));
    if (made === undefined || made.key === names.join('/')) return false;
    const there = await parent.entry(name);
    return there !== undefined && there.ino === made.ino && there.dev === made.dev;
  }

  /** As `#file`, for what comes and is written in one go. */
  async #smallFile(parent: QuickFolder, name: string, entry: CheckedEntry, names: readonly string[]) {
    const content = await wholeOf(entry);
    const draft = this.#drafts.next();
    const status = parent.create(draft, entry.mode, content, entry.mtimeMs);
    let isNamed = false;
    try {
      if (this.#to.overwrite) parent.rename(draft, name);
      else parent.link(draft, name);
      isNamed = this.#to.overwrite;
    } finally {
      if (!isNamed) parent.discard(draft);
    }
    this.#tally.addFile(pathOf(entry), entry.mode, content.length, hash('sha256', content));
    this.#made.set(foldedKey(names), { key: names.join('/'), dev: status.dev, ino: status.ino });
    return undefined;
  }

  async #file(parent: OpenFolder, name: string, entry: CheckedEntry, names: readonly string[]) {
    const draft = this.#drafts.next();
    const path = pathOf(entry);
    const handle = await parent.newFile(draft, entry.mode);
    return this.#named(parent, draft, name, names, async () => {
      const sha256 = await filled(handle, entry, this.#tally);
      const judge = this.#to.judge;
      const rule = judge.concerns(path)
        ? judge.content(path, await contentIn(parent, name), await contentIn(parent, draft))
        : undefined;
      if (rule !== undefined) return rule;
      return () => this.#tally.addFile(path, entry.mode, entry.sizeBytes, sha256);
    });
  }

  async #link(parent: OpenFolder, name: string, entry: CheckedEntry, names: readonly string[]) {
    const draft = this.#drafts.next();
    await parent.newLink(draft, entry.target);
    const counted = () => this.#tally.addLink(pathOf(entry), entry.target);
    return this.#named(parent, draft, name, names, () => Promise.resolve(counted));
  }

  /** Gives a draft its name once it is whole; takes it away when it is not, or is not to be there. */
  async #named(
    parent: OpenFolder,
    draft: string,
    name: string,
    names: readonly string[],
    finish: () => Promise<string | (() => void)>,
  ): Promise<string | undefined> {
    let isNamed = false;
    try {
      const finished = await finish();
      if (typeof finished === 'string') return finished;
      const status = await parent.entry(draft);
      if (this.#to.overwrite) await parent.rename(draft, parent, name);
      else await parent.link(draft, parent, name);
      isNamed = this.#to.overwrite;
      finished();
      if (status !== undefined) {
        this.#made.set(foldedKey(names), { key: names.join('/'), dev: status.dev, ino: status.ino });
      }
      return undefined;
    } finally {
      // Of that name nobody else makes one; where it is gone already, somebody has meddled, and nothing of ours is left.
      if (!isNamed) await parent.remove(draft).catch(ignoreGone);
    }
  }
}

/** The folder, and whether it was made for that. */
async function openOrMake(parent: OpenFolder, name: string, mode: number): Promise<[OpenFolder, boolean]> {
  try {
    return [await parent.folder(name), false];
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  let isNew = true;
  await parent.newFolder(name, mode).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
    isNew = false;
  });
  return [await parent.folder(name), isNew];
}

function foldedKey(names: readonly string[]): string {
  return names.join('/').normalize('NFKC').toLowerCase();
}

function pathOf({ names }: CheckedEntry): string {
  return names.length === 0 ? '.' : names.join('/');
}

function ignoreGone(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error;
}
