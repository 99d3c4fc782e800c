/**
 * Bytes that come in pieces, in one buffer that grows by doubling. Whoever sends picks the pieces: kept one by one, millions of single
 * bytes take a hundred times their size, and joined anew with each piece they take time with the square of it.
 */
export class Gathered {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What is held, until the next call of anything else here. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  push(piece: Buffer): void {
    const wanted = this.#length + piece.length;
    if (wanted > this.#buffer.length) {
      // Of its own: a piece of Node's pool would hold all of that.
      const grown = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#buffer.length, 1024));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    piece.copy(this.#buffer, this.#length);
    this.#length = wanted;
  }

  /** Drops the first bytes. */
  drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  /** Drops all, and gives the memory back. */
  clear(): void {
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
  }
}
