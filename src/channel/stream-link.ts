import type { Readable, Writable } from 'node:stream';
import { type Clock, systemClock } from '../kit/clock.js';
import { safeLine } from '../kit/safe-text.js';
import type { ChannelLink, LinkEnd, LinkReader } from './link.js';

export interface StreamLinkOptions {
  readonly resumes?: boolean;
  readonly confirm?: () => Promise<void>;
  /** How its bytes are read where they do not come as `data`. */
  readonly onChunks?: (onChunk: (chunk: Buffer) => void) => void;
  /** Runs once both streams are closed. */
  readonly release?: () => Promise<void>;
  readonly clock?: Clock;
}

/** How long what is still on its way out of a sandbox is read after the way in was closed. */
const lastWordsMs = 1000;

/** A link over two streams, such as the engine's attach stream of standard input and output. It owns both. */
export class StreamLink implements ChannelLink {
  readonly resumes: boolean;
  readonly closed: Promise<LinkEnd>;
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #confirm: () => Promise<void>;
  readonly #onChunks: (onChunk: (chunk: Buffer) => void) => void;
  readonly #over = new AbortController();
  #end: LinkEnd | undefined;

  constructor(readable: Readable, writable: Writable, options: StreamLinkOptions = {}) {
    this.resumes = options.resumes ?? false;
    this.#readable = readable;
    this.#writable = writable;
    this.#confirm = options.confirm ?? (() => Promise.resolve());
    this.#onChunks = options.onChunks ?? ((onChunk) => readable.on('data', onChunk));
    readable.on('error', (error) => this.#finish('failed', error.message));
    writable.on('error', (error) => {
      if (!isGone(error)) this.#finish('failed', error.message);
    });
    // When process 1 ends, the way in is closed first: its last words are still to be read.
    writable.on('close', () => {
      void (options.clock ?? systemClock)
        .sleep(lastWordsMs, this.#over.signal)
        .then(() => this.#finish('failed', 'the way in was closed'))
        .catch(() => undefined);
    });
    readable.on('end', () => this.#finish('ended', 'its end of the channel was closed'));
    readable.on('close', () => this.#finish('failed', 'the stream was closed'));
    this.closed = Promise.all([closing(readable), closing(writable)]).then(async () => {
      await options.release?.().catch(() => undefined);
      return this.#end ?? { why: 'failed', message: 'the streams were closed' };
    });
  }

  get isWritable(): boolean {
    return !this.#writable.writableNeedDrain;
  }

  get pendingBytes(): number {
    return this.#writable.writableLength;
  }

  read(reader: LinkReader): void {
    this.#writable.on('drain', () => reader.onDrain());
    this.#onChunks((chunk) => {
      if (this.#end === undefined) reader.onChunk(chunk);
    });
  }

  write(bytes: Buffer, onTaken?: () => void): void {
    if (this.#end === undefined && this.#writable.writable) this.#writable.write(bytes, onTaken);
  }

  confirm(): Promise<void> {
    return this.#confirm();
  }

  close(): void {
    this.#finish('closed', 'this side closed it');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  #finish(why: LinkEnd['why'], message: string): void {
    if (this.#end !== undefined) return;
    this.#end = { why, message: safeLine(message) };
    this.#over.abort();
    this.#readable.destroy();
    this.#writable.destroy();
  }
}

function isGone(error: Error): boolean {
  return 'code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}

function closing(stream: Readable | Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once('close', resolve);
  });
}
