import { Transform, type TransformCallback } from 'node:stream';

const newline = 0x0a;

/** Passes lines on and drops those longer than `maxBytes`, telling `onTooLong`; holds no more than that of one line. */
export class LineLimit extends Transform {
  readonly #maxBytes: number;
  readonly #onTooLong: () => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #dropping = false;

  constructor(maxBytes: number, onTooLong: () => void) {
    super();
    this.#maxBytes = maxBytes;
    this.#onTooLong = onTooLong;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let from = 0;
    for (let at = chunk.indexOf(newline, from); at >= 0; at = chunk.indexOf(newline, from)) {
      this.#take(chunk.subarray(from, at + 1));
      this.#endLine();
      from = at + 1;
    }
    if (from < chunk.length) this.#take(chunk.subarray(from));
    done();
  }

  #take(part: Buffer): void {
    if (this.#dropping) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) {
      this.#dropping = true;
      this.#parts = [];
      this.#onTooLong();
    } else {
      this.#parts.push(part);
    }
  }

  #endLine(): void {
    if (!this.#dropping) this.push(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#bytes = 0;
    this.#dropping = false;
  }
}
