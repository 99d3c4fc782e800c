/** Longest line that is looked at: a tool's result may hold a whole file. */
const maxLineBytes = 4 * 1024 * 1024;

/**
 * Cuts a hostile byte stream into lines of JSON objects. Holds one line at a time, at most `maxLineBytes` of it;
 * what is longer, not JSON or not an object is counted and left out, and so is what comes faster than `allows` lets it be read.
 */
export class JsonLines {
  readonly #cap: number;
  readonly #allows: (bytes: number) => boolean;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isTooLong = false;
  #badLines = 0;
  #longLines = 0;
  #skippedBytes = 0;

  constructor(capBytes = maxLineBytes, allows: (bytes: number) => boolean = () => true) {
    this.#cap = capBytes;
    this.#allows = allows;
  }

  /** Lines that were no JSON object. */
  get badLines(): number {
    return this.#badLines;
  }

  /** Lines over the limit. */
  get longLines(): number {
    return this.#longLines;
  }

  /** Of lines that came too fast. */
  get skippedBytes(): number {
    return this.#skippedBytes;
  }

  *push(chunk: Uint8Array): Generator<object> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      if (!this.#allows(this.#heldBytes + end - start)) {
        // Looking for the end of each line would be most of the work: all that are whole go at once.
        const last = bytes.lastIndexOf(0x0a);
        this.#skippedBytes += this.#heldBytes + last - start;
        this.#letGo();
        start = last + 1;
        break;
      }
      this.#hold(bytes.subarray(start, end));
      start = end + 1;
      yield* this.end();
    }
    this.#hold(bytes.subarray(start));
  }

  /** What stands behind the last newline. */
  *end(): Generator<object> {
    const line = Buffer.concat(this.#held).toString('utf8').trim();
    const isTooLong = this.#isTooLong;
    this.#letGo();
    if (isTooLong) {
      this.#longLines += 1;
      return;
    }
    if (line === '') return;
    const value = parse(line);
    if (value === undefined) this.#badLines += 1;
    else yield value;
  }

  #letGo(): void {
    [this.#held, this.#heldBytes, this.#isTooLong] = [[], 0, false];
  }

  #hold(part: Buffer): void {
    if (part.length === 0 || this.#isTooLong) return;
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.#cap) {
      this.#isTooLong = true;
      this.#held = [];
      return;
    }
    // A copy: the piece belongs to whoever read it. Pieces of a byte each would otherwise cost an object each.
    const last = this.#held.at(-1);
    if (last !== undefined && last.length < 4096) this.#held[this.#held.length - 1] = Buffer.concat([last, part]);
    else this.#held.push(Buffer.from(part));
  }
}

function parse(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
