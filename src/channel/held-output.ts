export interface HeldChunk {
  readonly bytes: Buffer;
  readonly offset: number;
}

const blockBytes = 64 * 1024;
/** So many gaps a ring leaves only under a program that floods it; older pieces go then, as in the ring itself. */
const maxPieces = 1024;

interface Piece {
  readonly block: Buffer;
  readonly start: number;
  readonly offset: number;
  length: number;
}

/**
 * Output that waits for its sink, copied: a view of one byte would keep the whole chunk that it came in, and a hostile
 * peer sends single bytes. Neighbours are joined, so memory stays near the number of bytes, which credit bounds.
 */
export class HeldOutput {
  #pieces: Piece[] = [];
  #block: Buffer = Buffer.alloc(0);
  #used = 0;

  /** Returns how many older bytes were dropped. */
  push(bytes: Buffer, offset: number): number {
    for (let at = 0; at < bytes.length; ) {
      const piece = this.#pieceFor(offset + at);
      const copied = bytes.copy(this.#block, this.#used, at);
      this.#used += copied;
      piece.length += copied;
      at += copied;
    }
    return this.#pieces.length > maxPieces ? (this.#pieces.shift()?.length ?? 0) : 0;
  }

  shift(): HeldChunk | undefined {
    const piece = this.#pieces.shift();
    if (piece === undefined) return undefined;
    if (this.#pieces.length === 0) this.#startBlock(0);
    return { bytes: piece.block.subarray(piece.start, piece.start + piece.length), offset: piece.offset };
  }

  #pieceFor(offset: number): Piece {
    if (this.#used === this.#block.length) this.#startBlock(blockBytes);
    const last = this.#pieces.at(-1);
    if (last?.block === this.#block && last.offset + last.length === offset) return last;
    const piece = { block: this.#block, start: this.#used, offset, length: 0 };
    this.#pieces.push(piece);
    return piece;
  }

  #startBlock(bytes: number): void {
    this.#block = Buffer.allocUnsafeSlow(bytes);
    this.#used = 0;
  }
}
