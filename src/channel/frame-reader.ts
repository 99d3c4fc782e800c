import { checkHeader, type Frame } from './frame.js';
import { channelSize } from './protocol.js';

const { HEADER_BYTES } = channelSize;
/** Up to here frames share blocks of Node's. */
const smallBytes = 1024;

/**
 * Cuts the bytes of process 1 into frames, however they were split on the way. Every frame is a copy, so that whoever reads may use
 * one chunk again and again; of one that is not whole at most one is held, of the size that its header announced and `checkHeader`
 * allowed. Call `push`, then `next` until it returns undefined. Throws ChannelViolation at the first header that is wrong.
 */
export class FrameReader {
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** The beginning of a frame whose end has not come yet: its header alone at first. */
  #partial: Buffer | undefined;
  #held = 0;

  /** Bytes held of a frame that is not whole. */
  get heldBytes(): number {
    return this.#held;
  }

  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  next(): Frame | undefined {
    return this.#partial === undefined ? this.#nextInChunk() : this.#complete(this.#partial);
  }

  #nextInChunk(): Frame | undefined {
    const left = this.#chunk.length - this.#at;
    if (left === 0) return undefined;
    if (left < HEADER_BYTES) {
      this.#partial = Buffer.allocUnsafe(HEADER_BYTES);
      this.#fill(this.#partial);
      return undefined;
    }
    const bytes = HEADER_BYTES + checkHeader(this.#chunk, this.#at);
    const whole = bytes > smallBytes ? Buffer.allocUnsafeSlow(bytes) : Buffer.allocUnsafe(bytes);
    if (this.#fill(whole)) return this.#done(whole);
    this.#partial = whole;
    return undefined;
  }

  #complete(partial: Buffer): Frame | undefined {
    let whole = partial;
    if (this.#held < HEADER_BYTES) {
      if (!this.#fill(partial)) return undefined;
      whole = Buffer.allocUnsafeSlow(HEADER_BYTES + checkHeader(partial, 0));
      partial.copy(whole);
      this.#partial = whole;
    }
    return this.#fill(whole) ? this.#done(whole) : undefined;
  }

  #done(whole: Buffer): Frame {
    this.#partial = undefined;
    this.#held = 0;
    return frameOf(whole);
  }

  /** Copies what the chunk still has, and says whether `target` is full. */
  #fill(target: Buffer): boolean {
    const copied = this.#chunk.copy(target, this.#held, this.#at);
    this.#held += copied;
    this.#at += copied;
    return this.#held === target.length;
  }
}

function frameOf(bytes: Buffer): Frame {
  return {
    type: bytes.readUInt8(4),
    stream: bytes.readUInt8(5),
    id: bytes.readUInt32LE(8),
    payload: bytes.subarray(HEADER_BYTES),
  };
}
