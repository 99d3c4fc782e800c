const blockBytes = 256 * 1024;

/** Bytes of an archive, gathered until they are worth sending: a tree of small files would come in thousands of small pieces. */
export class ArchiveBlock {
  #bytes = Buffer.allocUnsafeSlow(blockBytes);
  #used = 0;

  /** How many bytes it still takes. */
  get roomBytes(): number {
    return blockBytes - this.#used;
  }

  /** Takes a copy; there has to be room. */
  add(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Where the next bytes go, to be filled in place, and then counted in by `filled`. */
  get room(): Buffer {
    return this.#bytes.subarray(this.#used);
  }

  filled(bytes: number): void {
    this.#used += bytes;
  }

  /** What it holds; it is empty then. The bytes are whoever's takes them. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#used);
    this.#bytes = Buffer.allocUnsafeSlow(blockBytes);
    this.#used = 0;
    return taken;
  }
}
