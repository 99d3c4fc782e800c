import { Duplex } from 'node:stream';
import { encodeConnectionData, encodeConnectionEnd, encodeConnectionReset, encodeCredit } from './encode.js';
import type { Outbox } from './outbox.js';
import { channelSize } from './protocol.js';
import { ReceivingHalf } from './receiving-half.js';
import { SendingHalf } from './sending-half.js';
import type { ChannelConnection } from './types.js';

const { CONNECTION_WINDOW } = channelSize;

export interface ConnectionHost {
  readonly outbox: Outbox;
  /** Neither side sends anything of it any more. */
  readonly onClosed: (id: number) => void;
}

/** The channel's side of a connection: frames come in through the methods named `on…`. */
export class OpenConnection extends Duplex implements ChannelConnection {
  readonly id: number;
  /** The port inside that it came to. */
  readonly port: number;
  readonly #host: ConnectionHost;
  readonly #sending: SendingHalf;
  readonly #receiving: ReceivingHalf;
  #wanted: (() => void) | undefined;
  #isGone = false;

  constructor(id: number, port: number, host: ConnectionHost) {
    // One byte: it takes a chunk when its reader has taken the one before, and what waits is held where it is bounded.
    super({ readableHighWaterMark: 1, allowHalfOpen: true });
    this.id = id;
    this.port = port;
    this.#host = host;
    const data = (bytes: Uint8Array, spare?: Buffer) => encodeConnectionData(id, bytes, spare);
    const frames = { data, end: () => encodeConnectionEnd(id) };
    this.#sending = new SendingHalf(host.outbox, frames, CONNECTION_WINDOW, CONNECTION_WINDOW, () => this.#onHalfEnd());
    this.#receiving = new ReceivingHalf(host.outbox, {
      name: 'connection data',
      creditBytes: CONNECTION_WINDOW,
      windowBytes: CONNECTION_WINDOW,
      offset: 0,
      mayJump: false,
      creditFrame: (bytes) => encodeCredit(id, 'connection', bytes),
      onFailed: () => undefined,
    });
    this.#receiving.open((bytes) => this.#onBytes(bytes));
  }

  onData(bytes: Buffer): void {
    this.#receiving.receive(bytes);
  }

  onEnd(): void {
    this.#receiving.end();
    void this.#receiving.drained().then(() => this.push(null));
    this.#onHalfEnd();
  }

  onCredit(bytes: number): void {
    this.#sending.credit(bytes);
  }

  /** Reset from inside, or the channel is over. */
  onReset(): void {
    this.#gone();
    this.destroy();
  }

  override _read(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#sending.write(chunk).then(() => done(), done);
  }

  override _final(done: () => void): void {
    // Not before it was sent: a stream that has finished both ways is destroyed, which would reset the connection.
    void this.#sending.end().then(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isGone) {
      this.#gone();
      this.#host.outbox.send(encodeConnectionReset(this.id));
    }
    this._read();
    done(error);
  }

  #onBytes(bytes: Buffer): Promise<void> | undefined {
    if (this.destroyed || this.push(bytes)) return undefined;
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }

  #onHalfEnd(): void {
    if (this.#sending.isEnded && this.#receiving.isEnded) this.#gone();
  }

  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#sending.stop();
    this.#receiving.stop();
    this.#host.onClosed(this.id);
  }
}
