import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';

const maxBytes = 1024 * 1024;

/**
 * What the commands of a session printed, for `logs`: a text file of ours beside the record, at most 1 MiB and one
 * predecessor of the same size. It goes with the session. Losing a line of it is no reason to fail a command.
 */
export class SessionLog implements AsyncDisposable {
  readonly #path: string;
  #file: FileHandle | undefined;
  #bytes = 0;
  #tail: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Appends in call order; never rejects. Await it to hold a fast writer back. Once closed it drops: a late line must not bring a removed file back. */
  append(text: string | Uint8Array): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#tail = this.#tail.then(() => this.#write(text)).catch(() => undefined);
    return this.#tail;
  }

  /** Resolves when everything appended so far is written. */
  async flush(): Promise<void> {
    await this.#tail;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#tail;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #write(text: string | Uint8Array): Promise<void> {
    if (this.#bytes > maxBytes) await this.#rotate();
    this.#file ??= await this.#open();
    const { bytesWritten } = await this.#file.write(typeof text === 'string' ? Buffer.from(text) : text);
    this.#bytes += bytesWritten;
  }

  async #open(): Promise<FileHandle> {
    const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
    const file = await open(this.#path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    this.#bytes = (await file.stat()).size;
    return file;
  }

  async #rotate(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    await rename(this.#path, `${this.#path}.1`);
    this.#bytes = 0;
  }
}

/** The last `maxBytesWanted` bytes of a session's log, predecessor included; empty when it has none. */
export async function readSessionLog(path: string, maxBytesWanted: number): Promise<{ text: string; cut: boolean }> {
  const current = await tailOf(path, maxBytesWanted);
  const older = await tailOf(`${path}.1`, maxBytesWanted - current.bytes.length);
  return { text: Buffer.concat([older.bytes, current.bytes]).toString('utf8'), cut: current.cut || older.cut };
}

async function tailOf(path: string, most: number): Promise<{ bytes: Buffer; cut: boolean }> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (file === undefined) return { bytes: Buffer.alloc(0), cut: false };
  try {
    const { size } = await file.stat();
    const length = Math.max(0, Math.min(size, most));
    const bytes = Buffer.alloc(length);
    await file.read(bytes, 0, length, size - length);
    return { bytes, cut: length < size };
  } finally {
    await file.close();
  }
}
