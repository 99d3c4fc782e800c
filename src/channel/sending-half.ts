import { PaddockError } from '../core/errors.js';
import { deferred } from '../kit/deferred.js';
import { ChannelViolation } from './errors.js';
import type { Outbox, Sender } from './outbox.js';
import { channelSize } from './protocol.js';

export interface SendingFrames {
  /** `spare` is a frame that was written, to be used again if it has the right size. */
  data(bytes: Uint8Array, spare?: Buffer): Buffer;
  end(): Buffer;
}

interface Pending {
  bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const maxPendingWrites = 64;
/** The largest frame: those of bulk input are all of this size. */
const fullFrameBytes = channelSize.HEADER_BYTES + channelSize.MAX_DATA;

/** Bytes on their way to a command or a connection inside: never more under way than its window. */
export class SendingHalf implements Sender {
  readonly #outbox: Outbox;
  readonly #frames: SendingFrames;
  readonly #windowBytes: number;
  readonly #pending: Pending[] = [];
  readonly #ended = deferred<undefined>();
  readonly #onEnded: () => void;
  /** Bytes that may be sent. */
  #room: number;
  #state: 'open' | 'ending' | 'ended' = 'open';
  /** One frame that was written: a new one for each 64 KiB would keep the garbage collector busy. */
  #spare: Buffer | undefined;
  #stopped: { readonly error: Error | undefined } | undefined;

  /** `room` is less than the window where an older holder's bytes may still wait inside. */
  constructor(
    outbox: Outbox,
    frames: SendingFrames,
    windowBytes: number,
    room = windowBytes,
    onEnded: () => void = () => undefined,
  ) {
    this.#outbox = outbox;
    this.#frames = frames;
    this.#windowBytes = windowBytes;
    this.#room = room;
    this.#onEnded = onEnded;
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#stopped !== undefined) return settled(this.#stopped.error);
    if (this.#state !== 'open') return settled(new PaddockError('BAD_ARGUMENT', 'its input has been ended'));
    if (this.#pending.length >= maxPendingWrites) {
      return settled(new PaddockError('LIMIT_REACHED', `${maxPendingWrites} writes wait already`));
    }
    if (bytes.length === 0) return settled(undefined);
    const written = new Promise<void>((resolve, reject) => this.#pending.push({ bytes, resolve, reject }));
    this.#outbox.queue(this);
    return written;
  }

  /** Resolves when the end was sent, or nothing is sent any more. */
  async end(): Promise<void> {
    if (this.#state === 'open' && this.#stopped === undefined) {
      this.#state = 'ending';
      this.#outbox.queue(this);
    }
    await this.#ended.promise;
  }

  /** Process 1 has written `bytes` away. */
  credit(bytes: number): void {
    if (bytes === 0 || bytes > this.#windowBytes - this.#room) {
      throw new ChannelViolation(`CREDIT of ${bytes} bytes with ${this.#windowBytes - this.#room} under way`);
    }
    this.#room += bytes;
    this.#outbox.queue(this);
  }

  /** Nothing more is sent. What waits is rejected with `error`, or resolved where nobody is left to read it. */
  stop(error?: Error): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { error };
    this.#spare = undefined;
    this.#ended.resolve(undefined);
    for (const { resolve, reject } of this.#pending.splice(0)) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }

  nextFrame(): Buffer | undefined {
    if (this.#stopped !== undefined) return undefined;
    const first = this.#pending[0];
    if (first === undefined) return this.#endFrame();
    const bytes = first.bytes.subarray(0, Math.min(channelSize.MAX_DATA, this.#room));
    if (bytes.length === 0) return undefined;
    this.#room -= bytes.length;
    first.bytes = first.bytes.subarray(bytes.length);
    const frame = this.#frames.data(bytes, bytes.length === channelSize.MAX_DATA ? this.#takeSpare() : undefined);
    if (first.bytes.length === 0) this.#pending.shift()?.resolve();
    return frame;
  }

  onTaken(frame: Buffer): void {
    if (frame.length === fullFrameBytes && this.#stopped === undefined) this.#spare = frame;
  }

  #takeSpare(): Buffer | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare;
  }

  #endFrame(): Buffer | undefined {
    if (this.#state !== 'ending') return undefined;
    this.#state = 'ended';
    this.#ended.resolve(undefined);
    this.#onEnded();
    return this.#frames.end();
  }
}

function settled(error: Error | undefined): Promise<void> {
  return error === undefined ? Promise.resolve() : Promise.reject(error);
}
