import { ChannelViolation } from './errors.js';
import { HeldOutput } from './held-output.js';
import type { Outbox, Sender } from './outbox.js';

export type Sink = (bytes: Buffer, offset: number) => void | Promise<void>;

export interface ReceivingOptions {
  /** For messages. */
  readonly name: string;
  /** What the other side may send at first. */
  readonly creditBytes: number;
  /** Up to where that is filled again, a quarter at a time. */
  readonly windowBytes: number;
  /** Of the first byte. */
  readonly offset: number;
  /** Whether bytes may be missing between two chunks. */
  readonly mayJump: boolean;
  readonly creditFrame: (bytes: number) => Buffer;
  /** Its sink failed: what comes after is dropped. */
  readonly onFailed: (error: unknown) => void;
}

/** Bytes from a command or a connection inside: checked, held while their sink is busy, credited when it took them. */
export class ReceivingHalf implements Sender {
  readonly #outbox: Outbox;
  readonly #options: ReceivingOptions;
  readonly #held = new HeldOutput();
  #sink: Sink | undefined;
  #credit: number;
  /** Taken by the sink and not granted again yet. */
  #dueBytes = 0;
  #offset: number;
  #isEnded = false;
  #isBusy = false;
  #onIdle: (() => void)[] = [];

  constructor(outbox: Outbox, options: ReceivingOptions) {
    this.#outbox = outbox;
    this.#options = options;
    this.#credit = options.creditBytes;
    this.#offset = options.offset;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** How long the stream is so far, with what was dropped. */
  get offset(): number {
    return this.#offset;
  }

  /** From now on `sink` takes what comes; credit is filled up to the window. */
  open(sink: Sink): void {
    this.#sink = sink;
    this.#taken(this.#options.windowBytes - this.#credit);
  }

  receive(bytes: Buffer, offset = this.#offset): void {
    const { name, mayJump } = this.#options;
    if (this.#isEnded) throw new ChannelViolation(`${name} after its end`);
    if (bytes.length > this.#credit) {
      throw new ChannelViolation(`${bytes.length} bytes of ${name} with credit for ${this.#credit}`);
    }
    if (offset !== this.#offset && !(mayJump && offset > this.#offset)) {
      throw new ChannelViolation(`${name} at ${offset}, not at ${this.#offset}`);
    }
    this.#credit -= bytes.length;
    this.#offset = offset + bytes.length;
    if (!Number.isSafeInteger(this.#offset)) throw new ChannelViolation(`${name} beyond 2^53`);
    if (this.#isBusy) this.#taken(this.#held.push(bytes, offset));
    else this.#deliver(bytes, offset);
  }

  end(length = this.#offset): void {
    const { name, mayJump } = this.#options;
    if (this.#isEnded) throw new ChannelViolation(`a second end of ${name}`);
    if (length !== this.#offset && !(mayJump && length > this.#offset)) {
      throw new ChannelViolation(`the end of ${name} at ${length}, not at ${this.#offset}`);
    }
    this.#offset = length;
    this.#isEnded = true;
  }

  /** The other side is gone: no more credit for it. */
  stop(): void {
    this.#isEnded = true;
  }

  /** Resolves when the sink has taken everything that came so far. */
  async drained(): Promise<void> {
    if (this.#isBusy) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  nextFrame(): Buffer | undefined {
    if (this.#isEnded || this.#dueBytes < this.#options.windowBytes / 4) return undefined;
    const bytes = this.#dueBytes;
    this.#dueBytes = 0;
    this.#credit += bytes;
    return this.#options.creditFrame(bytes);
  }

  #deliver(bytes: Buffer, offset: number): void {
    try {
      const taking = this.#sink?.(bytes, offset);
      if (taking === undefined) {
        this.#taken(bytes.length);
        return;
      }
      this.#isBusy = true;
      taking.then(
        () => this.#onTaken(bytes.length),
        (error: unknown) => this.#onFailed(error, bytes.length),
      );
    } catch (error) {
      this.#onFailed(error, bytes.length);
    }
  }

  #onTaken(bytes: number): void {
    this.#isBusy = false;
    this.#taken(bytes);
    while (!this.#isBusyNow()) {
      const next = this.#held.shift();
      if (next === undefined) break;
      this.#deliver(next.bytes, next.offset);
    }
    if (!this.#isBusyNow()) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  // A method, since the compiler does not see that #deliver changes it.
  #isBusyNow(): boolean {
    return this.#isBusy;
  }

  #onFailed(error: unknown, bytes: number): void {
    this.#sink = undefined;
    this.#options.onFailed(error);
    this.#onTaken(bytes);
  }

  #taken(bytes: number): void {
    this.#dueBytes += bytes;
    if (this.#dueBytes >= this.#options.windowBytes / 4) this.#outbox.queue(this);
  }
}
