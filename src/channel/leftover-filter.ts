/** Bytes of a HELLO before its nonce: header, magic, version, flags. */
const bytesBeforeNonce = 12 + 8 + 2 + 2;

/**
 * Drops what is left in the pipe of a conversation with an older holder, which may begin and end within a frame: every
 * byte before the HELLO that carries our nonce. Holds less than a header and a nonce, however much there is.
 */
export class LeftoverFilter {
  readonly #nonce: Buffer;
  #tail: Buffer = Buffer.alloc(0);

  constructor(nonce: Buffer) {
    this.#nonce = nonce;
  }

  /** From the first byte of that HELLO on, once it is there. */
  push(chunk: Buffer): Buffer | undefined {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const at = bytes.indexOf(this.#nonce);
    if (at >= bytesBeforeNonce) return bytes.subarray(at - bytesBeforeNonce);
    this.#tail = Buffer.from(bytes.subarray(-(bytesBeforeNonce + this.#nonce.length - 1)));
    return undefined;
  }
}
