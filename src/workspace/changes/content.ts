import { createHash, hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { EntryName, OpenFolder } from '../../kit/open-folder.js';
import { QuickFolder, quickBytes } from '../../kit/quick-folder.js';

const pieceBytes = 64 * 1024;

/** Where a file is. */
export interface FilePlace {
  readonly folder: OpenFolder;
  readonly name: EntryName;
}

/** Whether two files that were seen to be `sizeBytes` long have the same content that far. Errors are those of OpenFolder. */
export async function hasSameContent(
  a: FilePlace,
  b: FilePlace,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<boolean> {
  const [one, other] = [a, b].map((place) => atOnce(place, sizeBytes));
  if (one !== undefined && other !== undefined) return one.equals(other);
  await using first = await Piecewise.open(a, sizeBytes);
  await using second = await Piecewise.open(b, sizeBytes);
  for (;;) {
    signal.throwIfAborted();
    const [one, other] = await Promise.all([first.next(), second.next()]);
    if (!one.equals(other)) return false;
    if (one.length === 0) return true;
  }
}

/** SHA-256 of the first `sizeBytes` of a file. Errors are those of OpenFolder. */
export async function contentHash(place: FilePlace, sizeBytes: number, signal: AbortSignal): Promise<string> {
  const content = atOnce(place, sizeBytes);
  if (content !== undefined) return hash('sha256', content);
  await using file = await Piecewise.open(place, sizeBytes);
  const all = createHash('sha256');
  for (let piece = await file.next(); piece.length > 0; piece = await file.next()) {
    signal.throwIfAborted();
    all.update(piece);
  }
  return all.digest('hex');
}

/** A small file of this machine as long as it was seen to be; undefined for any other, and for one that has become another since. */
function atOnce({ folder, name }: FilePlace, sizeBytes: number): Buffer | undefined {
  if (!folder.isNear || sizeBytes > quickBytes) return undefined;
  const content = new QuickFolder(folder).read(name, Buffer.allocUnsafe(sizeBytes))?.content;
  return content?.length === sizeBytes ? content : undefined;
}

/** A file piece by piece: each full but the last, whatever one call reads; an empty one at its end, or where it was seen to end. */
class Piecewise implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #buffer: Buffer;
  #left: number;

  private constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.#left = sizeBytes;
    this.#buffer = Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes));
  }

  static async open({ folder, name }: FilePlace, sizeBytes: number): Promise<Piecewise> {
    return new Piecewise(await folder.file(name), sizeBytes);
  }

  /** Holds until the next call. */
  async next(): Promise<Buffer> {
    const wanted = Math.min(this.#left, this.#buffer.length);
    let length = 0;
    while (length < wanted) {
      const { bytesRead } = await this.#file.read(this.#buffer, length, wanted - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    this.#left = length < wanted ? 0 : this.#left - length;
    return this.#buffer.subarray(0, length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
