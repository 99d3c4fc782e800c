import { checkHeader, type Frame } from './frame.js';
import { channelSize } from './protocol.js';

const { HEADER_BYTES } = channelSize;

/**
 * Cuts the bytes of process 1 into frames, however they were split on the way. A frame that lies in one chunk is a view
 * into it; of one that does not, at most one is held, of the size that its header announced and `checkHeader` allowed.
 * Call `push`, then `next` until it returns undefined. Throws ChannelViolation at the first header that is wrong.
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
    if (left < bytes) {
      this.#partial = Buffer.allocUnsafeSlow(bytes);
      this.#fill(this.#partial);
      return undefined;
    }
    const frame = frameAt(this.#chunk, this.#at, this.#at + bytes);
    this.#at += bytes;
    return frame;
  }

  #complete(partial: Buffer): Frame | undefined {
    let whole = partial;
    if (this.#held < HEADER_BYTES) {
      if (!this.#fill(partial)) return undefined;
      whole = Buffer.allocUnsafeSlow(HEADER_BYTES + checkHeader(partial, 0));
      partial.copy(whole);
      this.#partial = whole;
    }
    if (!this.#fill(whole)) return undefined;
    this.#partial = undefined;
    this.#held = 0;
    return frameAt(whole, 0, whole.length);
  }

  /** Copies what the chunk still has, and says whether `target` is full. */
  #fill(target: Buffer): boolean {
    const copied = this.#chunk.copy(target, this.#held, this.#at);
    this.#held += copied;
    this.#at += copied;
    return this.#held === target.length;
  }
}

function frameAt(bytes: Buffer, at: number, end: number): Frame {
  return {
    type: bytes.readUInt8(at + 4),
    stream: bytes.readUInt8(at + 5),
    id: bytes.readUInt32LE(at + 8),
    payload: bytes.subarray(at + HEADER_BYTES, end),
  };
}
