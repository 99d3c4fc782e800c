import { channelSize, fromInit } from '../../../src/channel/protocol.js';

const { HEADER_BYTES, MAX_START_PAYLOAD } = channelSize;
const offsetBytes = 8;

/** A piece of what one frame carries. Of one stream those of all frames come in order, under the same name. */
export interface StreamPiece {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * Takes the headers out of one way of a channel, however its bytes are split. Neither Paddock's own reader, which a test is not to trust, nor
 * one that keeps whole frames. Throws at a header that can be none: what follows it could not be told apart.
 */
export class FrameStreams {
  readonly #header = Buffer.alloc(HEADER_BYTES + offsetBytes);
  #headerBytes = 0;
  #leftBytes = 0;
  #name = '';

  *pieces(chunk: Buffer): Generator<StreamPiece> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#leftBytes === 0) {
        at += this.#takeHeader(chunk, at);
        continue;
      }
      const bytes = chunk.subarray(at, at + this.#leftBytes);
      at += bytes.length;
      this.#leftBytes -= bytes.length;
      yield { name: this.#name, bytes };
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerBytes, at, at + this.#wantedBytes() - this.#headerBytes);
    this.#headerBytes += copied;
    if (this.#headerBytes < this.#wantedBytes()) return copied;
    const [length, type] = [this.#header.readUInt32LE(0), this.#header.readUInt8(4)];
    const leftBytes = length - (this.#headerBytes - HEADER_BYTES);
    if (leftBytes < 0 || length > MAX_START_PAYLOAD || this.#header.readUInt16LE(6) !== 0) {
      throw new Error('that is no frame');
    }
    this.#name = `${type} ${this.#header.readUInt8(5)} ${this.#header.readUInt32LE(8)}`;
    this.#leftBytes = leftBytes;
    this.#headerBytes = 0;
    return copied;
  }

  /** Each frame of output says first where in its stream it belongs. */
  #wantedBytes(): number {
    if (this.#headerBytes < HEADER_BYTES) return HEADER_BYTES;
    return this.#header.readUInt8(4) === fromInit.FROM_INIT_OUTPUT ? HEADER_BYTES + offsetBytes : HEADER_BYTES;
  }
}
