/**
 * Keeps the head and the tail of a byte stream within a fixed memory, and lets readers poll it by absolute offset.
 * Holds at most `capBytes` (half head, half tail), however small the pieces are that it comes in; what falls between
 * is counted.
 */
export class CapturedStream {
  readonly #head: Growing;
  readonly #tail: Ring;
  #total = 0;

  constructor(capBytes: number) {
    this.#head = new Growing(Math.ceil(capBytes / 2));
    this.#tail = new Ring(Math.floor(capBytes / 2));
  }

  get totalBytes(): number {
    return this.#total;
  }

  get droppedBytes(): number {
    return this.#total - this.#head.length - this.#tail.length;
  }

  /** What it takes up in memory, which is more than it keeps while it grows. */
  get heldBytes(): number {
    return this.#head.heldBytes + this.#tail.heldBytes;
  }

  write(chunk: Uint8Array): void {
    this.#total += chunk.length;
    const taken = this.#head.append(chunk);
    if (taken < chunk.length) this.#tail.append(chunk.subarray(taken));
  }

  /** Everything kept, with a line in the gap that says how much is missing. */
  text(): string {
    return this.bytes().toString('utf8');
  }

  /** The same as the bytes that came. */
  bytes(): Buffer {
    const gap = this.droppedBytes === 0 ? '' : `\n[… ${this.droppedBytes} bytes left out …]\n`;
    return Buffer.concat([this.#head.bytes(), Buffer.from(gap), this.#tail.bytes()]);
  }

  /** Copies of the first and the last so many bytes; there must be more than both together, or fewer are returned. */
  ends(eachBytes: number): { readonly head: Buffer; readonly tail: Buffer } {
    const head = Buffer.from(this.#head.bytes().subarray(0, eachBytes));
    const lacking = this.droppedBytes === 0 ? Math.max(0, eachBytes - this.#tail.length) : 0;
    const before = this.#head.bytes().subarray(Math.max(0, this.#head.length - lacking));
    return { head, tail: Buffer.concat([before, this.#tail.bytes(Math.max(0, this.#tail.length - eachBytes))]) };
  }

  /**
   * Bytes kept from absolute offset `from` on, at most `maxBytes`. `skippedBytes` counts those between `from` and the
   * returned start that are no longer kept; poll again from `next`.
   */
  readFrom(
    from: number,
    maxBytes: number,
  ): { readonly bytes: Buffer; readonly next: number; readonly skippedBytes: number } {
    const start = Math.min(Math.max(0, from), this.#total);
    if (start < this.#head.length) {
      const bytes = Buffer.from(this.#head.bytes().subarray(start, start + maxBytes));
      return { bytes, next: start + bytes.length, skippedBytes: 0 };
    }
    const tailStart = this.#total - this.#tail.length;
    const at = Math.max(start, tailStart);
    const bytes = this.#tail.bytes(at - tailStart, at - tailStart + maxBytes);
    return { bytes, next: at + bytes.length, skippedBytes: at - start };
  }
}

/** One buffer that doubles up to its cap. */
class Growing {
  readonly #cap: number;
  #buffer = Buffer.alloc(0);
  length = 0;

  constructor(cap: number) {
    this.#cap = cap;
  }

  get heldBytes(): number {
    return this.#buffer.length;
  }

  /** Takes what fits; returns how much. */
  append(chunk: Uint8Array): number {
    const taken = Math.min(this.#cap - this.length, chunk.length);
    const wanted = this.length + taken;
    if (wanted > this.#buffer.length) {
      const larger = Buffer.alloc(Math.min(this.#cap, Math.max(wanted, 2 * this.#buffer.length, 1024)));
      this.#buffer.copy(larger, 0, 0, this.length);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk.subarray(0, taken), this.length);
    this.length += taken;
    return taken;
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}

/** The last `cap` bytes. Grows like the head until it is full, then overwrites its oldest bytes in place. */
class Ring {
  readonly #cap: number;
  readonly #growing: Growing;
  #oldest = 0;

  constructor(cap: number) {
    this.#cap = cap;
    this.#growing = new Growing(cap);
  }

  get length(): number {
    return this.#growing.length;
  }

  get heldBytes(): number {
    return this.#growing.heldBytes;
  }

  append(chunk: Uint8Array): void {
    if (this.#cap === 0) return;
    const taken = this.#growing.append(chunk);
    let rest = chunk.subarray(taken);
    if (rest.length > this.#cap) rest = rest.subarray(rest.length - this.#cap);
    const buffer = this.#growing.bytes();
    for (let at = 0; at < rest.length; ) {
      const piece = rest.subarray(at, at + this.#cap - this.#oldest);
      buffer.set(piece, this.#oldest);
      this.#oldest = (this.#oldest + piece.length) % this.#cap;
      at += piece.length;
    }
  }

  /** A copy of them, or of a part, in order. */
  bytes(from = 0, to = this.length): Buffer {
    const buffer = this.#growing.bytes();
    const [older, newer] = [buffer.subarray(this.#oldest), buffer.subarray(0, this.#oldest)];
    const inNewer = (at: number) => Math.max(0, at - older.length);
    return Buffer.concat([older.subarray(from, to), newer.subarray(inNewer(from), inNewer(to))]);
  }
}
