import { EngineError } from '../../core/errors.js';

/** Bytes of one output stream, a part of a frame or a whole one. */
export interface FrameSlice {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Buffer;
}

const headerBytes = 8;
/** Podman sends at most 8 KiB, Docker 32 KiB; a larger claim is a broken or hostile engine. */
export const maxFrameBytes = 16 * 1024 * 1024;

/**
 * Reads the engines' multiplexed stream: 8-byte headers (stream, three zeros, big-endian length), then payload. Payload
 * is handed on as it arrives, so a frame that claims to be large costs no memory. Throws ENGINE_PROTOCOL on an unknown
 * stream, a padding that is not zero (the sign of a lost byte) and a length above `maxFrameBytes`.
 */
export class FrameReader {
  readonly #header = Buffer.alloc(headerBytes);
  #headerLength = 0;
  #payloadLeft = 0;
  #stream: 'stdout' | 'stderr' = 'stdout';

  /** Whether the bytes so far end where a frame ends. */
  get isAtBoundary(): boolean {
    return this.#headerLength === 0 && this.#payloadLeft === 0;
  }

  *push(chunk: Buffer): Generator<FrameSlice> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft === 0) {
        const taken = chunk.copy(this.#header, this.#headerLength, at, at + headerBytes - this.#headerLength);
        this.#headerLength += taken;
        at += taken;
        if (this.#headerLength === headerBytes) this.#readHeader();
      } else {
        const bytes = chunk.subarray(at, at + this.#payloadLeft);
        at += bytes.length;
        this.#payloadLeft -= bytes.length;
        yield { stream: this.#stream, bytes };
      }
    }
  }

  #readHeader(): void {
    this.#headerLength = 0;
    const stream = this.#header.readUInt8(0);
    const length = this.#header.readUInt32BE(4);
    // 0 is stdin, which Docker documents as written to stdout.
    if (stream > 2 || this.#header.readUIntBE(1, 3) !== 0) {
      throw new EngineError('ENGINE_PROTOCOL', `malformed frame header ${this.#header.toString('hex')}`);
    }
    if (length > maxFrameBytes) {
      throw new EngineError('ENGINE_PROTOCOL', `a frame of ${length} bytes, more than ${maxFrameBytes}`);
    }
    this.#stream = stream === 2 ? 'stderr' : 'stdout';
    this.#payloadLeft = length;
  }
}
