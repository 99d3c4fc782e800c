import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type HelloFields, hello, pong } from './from-init.js';

export interface HolderFrame {
  readonly type: number;
  readonly stream: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** Process 1 as a script: it keeps what the holder says and says what the test wants. */
export class FakeInit implements AsyncDisposable {
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #frames: HolderFrame[] = [];
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #isAtEnd = false;

  constructor(readable: Readable, writable: Writable) {
    this.#readable = readable;
    this.#writable = writable;
    readable.on('data', (chunk: Buffer) => this.#onData(chunk));
    readable.on('close', () => {
      this.#isAtEnd = true;
      this.#wake();
    });
    for (const stream of [readable, writable]) stream.on('error', () => undefined);
  }

  /** Opens the FIFOs as process 1 does; `alone`: while no holder has them open, so that it sees none go. */
  static onFifos(folder: string, alone = false): FakeInit {
    const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;
    const input = openSync(join(folder, 'in'), (alone ? O_RDWR : O_RDONLY) | O_NONBLOCK);
    const output = openSync(join(folder, 'out'), (alone ? O_RDWR : O_WRONLY) | O_NONBLOCK);
    return new FakeInit(
      new Socket({ fd: input, readable: true, writable: false }),
      new Socket({ fd: output, readable: false, writable: true }),
    );
  }

  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** Frames that have come and were not taken by `next`. */
  get waiting(): readonly HolderFrame[] {
    return this.#frames;
  }

  /** The next frame of that type; those before it are dropped. */
  async next(type: number): Promise<HolderFrame> {
    for (;;) {
      const frame = await this.#take();
      if (frame.type === type) return frame;
    }
  }

  /** Answers the next PING; returns all that came before it. */
  async upToPing(): Promise<readonly HolderFrame[]> {
    const before: HolderFrame[] = [];
    for (;;) {
      const frame = await this.#take();
      if (frame.type !== 0x0a) {
        before.push(frame);
        continue;
      }
      this.send(pong(frame.payload));
      return before;
    }
  }

  /** Resolves when the holder's end is closed. */
  async atEnd(): Promise<void> {
    while (!this.#isAtEnd) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async greet(fields?: HelloFields, ...more: readonly Buffer[]): Promise<Buffer> {
    const { payload } = await this.next(0x01);
    const nonce = Buffer.from(payload.subarray(12, 28));
    this.send(hello(nonce, fields), ...more);
    return nonce;
  }

  send(...frames: readonly Buffer[]): void {
    this.#writable.write(Buffer.concat(frames));
  }

  /** Closes what it says, as a process does that ends. */
  close(): void {
    this.#writable.end();
    this.#readable.destroy();
  }

  /** Reads no more, as a process that is stopped. */
  pause(): void {
    this.#readable.pause();
  }

  /** Closes the way in and keeps the way out. */
  stopReading(): void {
    this.#readable.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = [this.#readable, this.#writable].map(
      (stream) => new Promise<void>((done) => (stream.closed ? done() : stream.once('close', () => done()))),
    );
    this.#readable.destroy();
    this.#writable.destroy();
    await Promise.all(closed);
  }

  async #take(): Promise<HolderFrame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#isAtEnd) throw new Error('the holder is gone and sent nothing more');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #onData(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 12 && this.#bytes.length >= 12 + this.#bytes.readUInt32LE(0)) {
      const end = 12 + this.#bytes.readUInt32LE(0);
      const [type = 0, stream = 0] = this.#bytes.subarray(4);
      this.#frames.push({ type, stream, id: this.#bytes.readUInt32LE(8), payload: this.#bytes.subarray(12, end) });
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#wake();
  }
}
