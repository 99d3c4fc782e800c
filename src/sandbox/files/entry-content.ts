import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { CheckedEntry } from './checked-entries.js';
import type { Tally } from './tally.js';

/** Writes the content and closes the file; its digest. */
export async function filled(
  handle: FileHandle,
  { content, sizeBytes, mtimeMs }: CheckedEntry,
  tally: Tally,
): Promise<string> {
  await using file = new Written(handle);
  const sha256 = createHash('sha256');
  let written = 0;
  for await (const chunk of content) {
    sha256.update(chunk);
    await file.write(chunk);
    written += chunk.length;
    tally.pass(chunk.length);
  }
  if (written !== sizeBytes) throw new Error('the archive breaks off in the midst of a file');
  await file.finish();
  await handle.utimes(mtimeMs / 1000, mtimeMs / 1000);
  return sha256.digest('hex');
}

const gatheredBytes = 256 * 1024;

/** Writes what was gathered while the next is, so that each turn through the thread pool is worth it. Closes the file. */
class Written implements AsyncDisposable {
  readonly #file: FileHandle;
  #gathered: Buffer[] = [];
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#gathered.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= gatheredBytes) await this.#next();
  }

  async finish(): Promise<void> {
    await this.#next();
    await this.#writing;
  }

  /** Nothing is being written any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close();
  }

  async #next(): Promise<void> {
    const chunks = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    await this.#writing;
    this.#writing = writeAll(this.#file, chunks);
    // Whoever comes next is told.
    this.#writing.catch(() => undefined);
  }
}

async function writeAll(file: FileHandle, chunks: readonly Buffer[]): Promise<void> {
  let left = chunks.filter(({ length }) => length > 0);
  while (left.length > 0) left = behind(left, (await file.writev(left)).bytesWritten);
}

/** What is left of chunks whose first bytes are written. */
function behind(chunks: readonly Buffer[], bytes: number): Buffer[] {
  let over = bytes;
  return chunks.flatMap((chunk) => {
    const done = Math.min(over, chunk.length);
    over -= done;
    return done === chunk.length ? [] : [chunk.subarray(done)];
  });
}

/** The whole content of what is small. */
export async function wholeOf({ content, sizeBytes }: CheckedEntry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const add = (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
  };
  for (let chunk = content.read(); chunk !== null; chunk = content.read()) add(chunk);
  if (bytes < sizeBytes) for await (const chunk of content) add(chunk);
  const [first] = chunks;
  if (bytes !== sizeBytes) throw new Error('the archive breaks off in the midst of a file');
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes);
}
