import { Transform, type TransformCallback } from 'node:stream';
import { StructureCount } from '../kit/structure-count.js';

const newline = 0x0a;

/**
 * Lists, objects and items of one message: a few MiB of `{"a":0,"b":0,…}` hold a server up for seconds and take a gigabyte, before any
 * schema says no. The largest call, a command of as many words and variables as there may be, has about 6000.
 */
export const mostItems = 16_384;

/**
 * Bytes of the names of all members of one message: what refuses a name that it does not know says it, in a list, in words and again in what
 * these are put into, which is seconds and hundreds of megabytes for one of 24 MiB. The variables and labels of a session have a quarter of that.
 */
export const mostNameBytes = 512 * 1024;

export interface LineBounds {
  readonly bytes: number;
  readonly items: number;
  readonly nameBytes: number;
}

/** Passes lines of JSON on and drops those beyond a bound, telling `onTooLarge` which; holds no more than that of one line. */
export class LineLimit extends Transform {
  readonly #bounds: LineBounds;
  readonly #onTooLarge: (what: keyof LineBounds) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #structure = new StructureCount();
  #dropping = false;

  constructor(bounds: LineBounds, onTooLarge: (what: keyof LineBounds) => void) {
    super();
    this.#bounds = bounds;
    this.#onTooLarge = onTooLarge;
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
    if (this.#bytes > this.#bounds.bytes) {
      this.#drop('bytes');
      return;
    }
    this.#structure.push(part);
    if (this.#structure.count > this.#bounds.items) this.#drop('items');
    else if (this.#structure.nameBytes > this.#bounds.nameBytes) this.#drop('nameBytes');
    else this.#parts.push(part);
  }

  #drop(what: keyof LineBounds): void {
    this.#dropping = true;
    this.#parts = [];
    this.#onTooLarge(what);
  }

  #endLine(): void {
    if (!this.#dropping) this.push(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#bytes = 0;
    this.#structure = new StructureCount();
    this.#dropping = false;
  }
}
