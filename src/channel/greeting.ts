import { decodeHello, decodeState, type Hello } from './decode.js';
import { ChannelViolation } from './errors.js';
import type { Frame } from './frame.js';
import { fromInit } from './protocol.js';
import type { ChannelPeer, CommandState } from './types.js';

/** The first frames of process 1: its HELLO, and a STATE for each command that it still knows. */
export class Greeting {
  readonly #nonce: Buffer;
  readonly #resumes: boolean;
  readonly #known = new Map<number, CommandState>();
  #hello: Hello | undefined;

  /** `resumes`: whether there may have been a holder before us. */
  constructor(nonce: Buffer, resumes: boolean) {
    this.#nonce = nonce;
    this.#resumes = resumes;
  }

  get isComplete(): boolean {
    return this.#hello?.commands === this.#known.size;
  }

  get known(): readonly CommandState[] {
    return [...this.#known.values()];
  }

  get peer(): ChannelPeer {
    const hello = this.#hello;
    if (hello === undefined) throw new TypeError('process 1 has not said HELLO yet');
    const { initVersion, version, isProcReadable, isTakenOver } = hello;
    return { initVersion, version, procReadable: isProcReadable, takenOver: isTakenOver };
  }

  take(frame: Frame): 'more' | 'complete' {
    if (this.#hello === undefined) this.#takeHello(frame);
    else this.#takeState(frame);
    return this.isComplete ? 'complete' : 'more';
  }

  #takeHello(frame: Frame): void {
    if (frame.type !== fromInit.FROM_INIT_HELLO) throw new ChannelViolation('a first frame that is not HELLO');
    const hello = decodeHello(frame.payload, this.#nonce);
    if (hello.isTakenOver && !this.#resumes) throw new ChannelViolation('HELLO speaks of a holder before the first');
    this.#hello = hello;
  }

  #takeState(frame: Frame): void {
    if (frame.type !== fromInit.FROM_INIT_STATE) throw new ChannelViolation('fewer STATE frames than HELLO announced');
    if (this.#known.has(frame.id)) throw new ChannelViolation(`a second STATE of the command ${frame.id}`);
    this.#known.set(frame.id, decodeState(frame.id, frame.payload));
  }
}
