import { isUtf8 } from 'node:buffer';
import { createHash, hash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { OpenFolder } from '../../kit/open-folder.js';
import { type QuickFolder, QuickFolders, quickBytes } from '../../kit/quick-folder.js';
import { Turns } from '../../kit/turns.js';
import { ArchiveBlock } from './archive-block.js';
import { type Tally, whyLeftOut } from './tally.js';
import { blockBytes, endOfArchive, headOf, paddingAfter } from './tar-blocks.js';
import { isPlainName, isWithinBounds, staysWithin, type TransferBounds } from './transfer-bounds.js';

/** What is to go in: one name in a folder that is open, or all that the folder holds (`name` undefined). */
export interface Source {
  /** Stays its owner's. */
  readonly folder: OpenFolder;
  readonly name: string | undefined;
  /** What it is called in the archive; undefined: its content comes at the top. */
  readonly as: string | undefined;
  /** Whether that one file is the one that was looked at before. */
  readonly isMeant?: ((found: BigIntStats) => boolean) | undefined;
}

/**
 * Files of the host as an archive. Names are taken one at a time from folders that are open, and no link is followed, so nothing but
 * what is in the source gets in, whatever is swapped meanwhile. What is left out is in the tally. Errors: the kernel's, of reading.
 */
export async function* putIn(from: Source, tally: Tally, bounds: TransferBounds): AsyncGenerator<Buffer> {
  const putting = new Putting(tally, bounds, from);
  try {
    if (from.name === undefined) yield* putting.folder(from.folder, []);
    else yield* putting.entry(from.folder, from.name, []);
  } catch (error) {
    throw error instanceof BrokenOff ? error.cause : error;
  }
  yield* putting.end();
}

/** Longest that the head of an entry is: two names of `nameBounds.pathBytes`, and their blocks. */
const headBytes = 10 * 1024;

type Given = AsyncGenerator<Buffer, string | undefined>;

/** Reading failed behind a head, which announces what never comes: an archive that breaks off there is none any more. */
class BrokenOff extends Error {}

class Putting {
  readonly #tally: Tally;
  readonly #bounds: TransferBounds;
  readonly #top: readonly string[];
  readonly #isMeant: Source['isMeant'];
  readonly #block = new ArchiveBlock();
  readonly #quick = new QuickFolders();
  readonly #content = Buffer.allocUnsafeSlow(quickBytes);
  readonly #turns = new Turns();

  constructor(tally: Tally, bounds: TransferBounds, { as, isMeant }: Source) {
    this.#tally = tally;
    this.#bounds = bounds;
    this.#top = as === undefined ? [] : [as];
    this.#isMeant = isMeant;
  }

  async *folder(folder: OpenFolder, names: readonly string[]): AsyncGenerator<Buffer, void> {
    yield* this.#roomFor(headBytes);
    const status = await folder.stat();
    const name = this.#nameOf(names);
    const mode = modeOf(status);
    if (name !== '')
      this.#block.add(headOf({ name, mode, kind: 'folder', sizeBytes: 0, mtimeMs: Number(status.mtimeMs) }));
    this.#tally.addFolder(pathOf(names), mode);
    const quick = await this.#quick.of(folder);
    for await (const entry of this.#entriesOf(folder, names)) {
      const text = entry.toString('utf8');
      const inner = [...names, text];
      yield* this.#roomFor(headBytes + quickBytes + blockBytes);
      if (!isUtf8(entry) || !isPlainName(text)) this.#leave(inner, 'name');
      else if (quick === undefined || !this.#small(quick, text, inner)) yield* this.entry(folder, text, inner);
      await this.#turns.give();
    }
  }

  *end(): Generator<Buffer, void> {
    const end = endOfArchive();
    yield* this.#roomFor(end.length);
    this.#block.add(end);
    yield this.#block.take();
  }

  /** Hands over what was gathered, if that much does not fit behind it. */
  *#roomFor(bytes: number): Generator<Buffer, void> {
    if (this.#block.roomBytes < bytes) yield this.#block.take();
  }

  /** Puts a small regular file in at once; false: it is none, or `entry` has to say what is the matter with it. */
  #small(quick: QuickFolder, name: string, names: readonly string[]): boolean {
    if (this.#tally.entries >= this.#bounds.entries || !isWithinBounds(names)) return false;
    const found = quick.read(name, this.#content);
    if (found === undefined) return false;
    const { content, status, isSame } = found;
    if (this.#tally.bytes + content.length > this.#bounds.bytes) return false;
    const mode = modeOf(status);
    const head = { name: this.#nameOf(names), mode, mtimeMs: Number(status.mtimeMs), sizeBytes: content.length };
    this.#block.add(headOf({ ...head, kind: 'file' }));
    this.#block.add(content);
    this.#block.add(paddingAfter(content.length));
    this.#tally.addFile(pathOf(names), mode, content.length, hash('sha256', content));
    if (!isSame) this.#leave(names, 'changed');
    return true;
  }

  /** Its names, as far as they can be read. */
  async *#entriesOf(folder: OpenFolder, names: readonly string[]): AsyncGenerator<Buffer> {
    try {
      yield* folder.names();
    } catch (error) {
      this.#leave(names, whyLeftOut(error));
    }
  }

  async *entry(folder: OpenFolder, name: string, names: readonly string[]): AsyncGenerator<Buffer, void> {
    let why: string | undefined;
    try {
      why = yield* this.#entry(folder, name, names);
    } catch (error) {
      if (error instanceof BrokenOff) throw error;
      why = whyLeftOut(error);
      if (why === 'in-the-way') why = 'changed';
    }
    if (why !== undefined) this.#leave(names, why);
  }

  /** Undefined: it is in the archive; else why it is not, or not as it was. */
  async *#entry(folder: OpenFolder, name: string, names: readonly string[]): Given {
    if (this.#tally.entries >= this.#bounds.entries) return 'count';
    if (!isWithinBounds(names)) return 'depth';
    const status = await folder.entry(name);
    if (status === undefined) return 'gone';
    if (status.isFile()) return yield* this.#file(folder, name, names);
    if (status.isDirectory()) {
      await using inner = await folder.folder(name);
      yield* this.folder(inner, names);
      return undefined;
    }
    if (!status.isSymbolicLink()) return 'kind';
    const bytes = await folder.target(name);
    const target = bytes.toString('utf8');
    if (!isUtf8(bytes) || !staysWithin(names, target)) return 'link-out';
    const facts = { mode: 0o777, mtimeMs: Number(status.mtimeMs), sizeBytes: 0 };
    this.#block.add(headOf({ name: this.#nameOf(names), kind: 'link', target, ...facts }));
    this.#tally.addLink(pathOf(names), target);
    return undefined;
  }

  async *#file(folder: OpenFolder, name: string, names: readonly string[]): Given {
    await using file = await folder.file(name);
    const status = await file.stat({ bigint: true });
    if (names.length === 0 && this.#isMeant?.(status) === false) return 'changed';
    const sizeBytes = Number(status.size);
    if (this.#tally.bytes + sizeBytes > this.#bounds.bytes) return 'size';
    const mode = modeOf(status);
    const sha256 = createHash('sha256');
    const head = { name: this.#nameOf(names), mode, mtimeMs: Number(status.mtimeMs), sizeBytes };
    this.#block.add(headOf({ ...head, kind: 'file' }));
    for (let left = sizeBytes; left > 0; ) {
      const piece = await nextPiece(file, this.#block.room.subarray(0, left));
      sha256.update(piece);
      this.#tally.pass(piece.length);
      this.#block.filled(piece.length);
      left -= piece.length;
      if (this.#block.roomBytes === 0) yield this.#block.take();
    }
    yield* this.#roomFor(blockBytes);
    this.#block.add(paddingAfter(sizeBytes));
    this.#tally.addFile(pathOf(names), mode, sizeBytes, sha256.digest('hex'));
    const after = await file.stat({ bigint: true });
    // Said, not undone: what was written to while it was read may be torn.
    return after.size === status.size && after.mtimeNs === status.mtimeNs ? undefined : 'changed';
  }

  #nameOf(names: readonly string[]): string {
    return [...this.#top, ...names].join('/');
  }

  #leave(names: readonly string[], why: string): void {
    this.#tally.leave(names.join('/'), why);
  }
}

/** What the file has for that room; zeros where it has become shorter. */
async function nextPiece(file: FileHandle, into: Buffer): Promise<Buffer> {
  const { bytesRead } = await file.read(into, 0, into.length, null).catch((cause: unknown) => {
    throw new BrokenOff('the file can not be read on', { cause });
  });
  return bytesRead === 0 ? into.fill(0) : into.subarray(0, bytesRead);
}

function modeOf({ mode }: BigIntStats): number {
  return Number(mode) & 0o777;
}

function pathOf(names: readonly string[]): string {
  return names.length === 0 ? '.' : names.join('/');
}
