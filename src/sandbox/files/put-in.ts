import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { OpenFolder } from '../../kit/open-folder.js';
import { type Tally, whyLeftOut } from './tally.js';
import { endOfArchive, headOf, paddingAfter } from './tar-blocks.js';
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
  yield endOfArchive();
}

const pieceBytes = 256 * 1024;

type Given = AsyncGenerator<Buffer, string | undefined>;

/** Reading failed behind a head, which announces what never comes: an archive that breaks off there is none any more. */
class BrokenOff extends Error {}

class Putting {
  readonly #tally: Tally;
  readonly #bounds: TransferBounds;
  readonly #top: readonly string[];
  readonly #isMeant: Source['isMeant'];

  constructor(tally: Tally, bounds: TransferBounds, { as, isMeant }: Source) {
    this.#tally = tally;
    this.#bounds = bounds;
    this.#top = as === undefined ? [] : [as];
    this.#isMeant = isMeant;
  }

  async *folder(folder: OpenFolder, names: readonly string[]): AsyncGenerator<Buffer, void> {
    const status = await folder.stat();
    const name = this.#nameOf(names);
    const mode = modeOf(status);
    if (name !== '') yield headOf({ name, mode, kind: 'folder', sizeBytes: 0, mtimeMs: Number(status.mtimeMs) });
    this.#tally.addFolder(pathOf(names), mode);
    for await (const entry of this.#entriesOf(folder, names)) {
      const text = entry.toString('utf8');
      if (!isUtf8(entry) || !isPlainName(text)) this.#leave([...names, text], 'name');
      else yield* this.entry(folder, text, [...names, text]);
    }
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
    yield headOf({ name: this.#nameOf(names), kind: 'link', target, ...facts });
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
    yield headOf({ ...head, kind: 'file' });
    for await (const piece of piecesOf(file, sizeBytes)) {
      sha256.update(piece);
      yield piece;
    }
    yield paddingAfter(sizeBytes);
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

/** As much as was announced, whatever becomes of the file meanwhile: zeros where it has become shorter. */
async function* piecesOf(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let left = size; left > 0; ) {
    const buffer = Buffer.allocUnsafe(Math.min(left, pieceBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null).catch((cause: unknown) => {
      throw new BrokenOff('the file can not be read on', { cause });
    });
    const piece = bytesRead === 0 ? buffer.fill(0) : buffer.subarray(0, bytesRead);
    left -= piece.length;
    yield piece;
  }
}

function modeOf({ mode }: BigIntStats): number {
  return Number(mode) & 0o777;
}

function pathOf(names: readonly string[]): string {
  return names.length === 0 ? '.' : names.join('/');
}
