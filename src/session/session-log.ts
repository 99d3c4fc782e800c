import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { CapturedStream } from '../kit/captured-stream.js';
import { type Clock, systemClock } from '../kit/clock.js';

const maxBytes = 1024 * 1024;
/** What is printed within one pause is written in one piece: at most 1 MiB each time, whatever a command prints. */
const pauseMs = 50;

/**
 * What the commands of a session printed, for `logs`: a text file of ours beside the record, at most 1 MiB and one
 * predecessor of the same size. It goes with the session. Losing a line of it is no reason to fail a command, and writing
 * it no reason to hold one back: of what comes faster than it is written the first and the last 512 KiB are kept, with a
 * line between them that says how much is missing.
 */
export class SessionLog implements AsyncDisposable {
  readonly #path: string;
  readonly #clock: Clock;
  #file: FileHandle | undefined;
  #bytes = 0;
  #waiting = new CapturedStream(maxBytes);
  #isWriting = false;
  #pause = new AbortController();
  #flushes: (() => void)[] = [];
  #isClosed = false;

  constructor(path: string, clock: Clock = systemClock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Appends in call order, and copies at once. Once closed it drops: a late line must not bring a removed file back. */
  append(text: string | Uint8Array): void {
    if (this.#isClosed) return;
    this.#waiting.write(typeof text === 'string' ? Buffer.from(text) : text);
    if (this.#isWriting) return;
    this.#isWriting = true;
    void this.#writeAll();
  }

  /** Resolves when everything appended so far is written, or was left out. */
  async flush(): Promise<void> {
    if (!this.#isWriting) return;
    this.#pause.abort();
    await new Promise<void>((resolve) => this.#flushes.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.flush();
    await this.#file?.close();
    this.#file = undefined;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.totalBytes > 0 || this.#flushes.length > 0) {
      if (this.#flushes.length === 0) await this.#rest();
      const flushed = this.#flushes.splice(0);
      const bytes = this.#waiting.bytes();
      this.#waiting = new CapturedStream(maxBytes);
      if (bytes.length > 0) await this.#write(bytes).catch(() => undefined);
      for (const resolve of flushed) resolve();
    }
    this.#isWriting = false;
  }

  async #rest(): Promise<void> {
    this.#pause = new AbortController();
    await this.#clock.sleep(pauseMs, this.#pause.signal).catch(() => undefined);
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#file ??= await this.#open();
    if (this.#bytes > 0 && this.#bytes + bytes.length > maxBytes) {
      await this.#rotate();
      this.#file = await this.#open();
    }
    const { bytesWritten } = await this.#file.write(bytes);
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
