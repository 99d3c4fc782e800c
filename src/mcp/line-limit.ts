import { Transform, type TransformCallback } from 'node:stream';
import { type MessageBounds, MessageSize } from './message-size.js';

const newline = 0x0a;

/** Passes lines of JSON on and drops those beyond a bound, telling `onTooLarge` which; holds no more than that of one line. */
export class LineLimit extends Transform {
  readonly #bounds: MessageBounds;
  readonly #onTooLarge: (what: keyof MessageBounds) => void;
  #parts: Buffer[] = [];
  #size: MessageSize;
  #dropping = false;

  constructor(bounds: MessageBounds, onTooLarge: (what: keyof MessageBounds) => void) {
    super();
    this.#bounds = bounds;
    this.#onTooLarge = onTooLarge;
    this.#size = new MessageSize(bounds);
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
    const what = this.#size.add(part);
    if (what === undefined) {
      this.#parts.push(part);
      return;
    }
    this.#dropping = true;
    this.#parts = [];
    this.#onTooLarge(what);
  }

  #endLine(): void {
    if (!this.#dropping) this.push(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#size = new MessageSize(this.#bounds);
    this.#dropping = false;
  }
}
