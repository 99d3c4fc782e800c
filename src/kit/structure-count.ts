const quote = 0x22;
const backslash = 0x5c;
const openingBracket = 0x5b;
const openingBrace = 0x7b;
const comma = 0x2c;

/**
 * Counts the lists, objects and items of a JSON text as its bytes come by, without parsing it. Parsing 30 MB of `[{},{},…]` takes seconds
 * and a gigabyte, in a process that serves every session; a string of that size, such as an image, takes next to nothing. Text that is no JSON is
 * counted right as far as a parser would read it.
 */
export class StructureCount {
  #count = 0;
  #isInString = false;
  #isEscaped = false;

  get count(): number {
    return this.#count;
  }

  push(piece: Buffer): void {
    for (const byte of piece) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === quote) this.#isInString = !this.#isInString;
      else if (this.#isInString) this.#isEscaped = byte === backslash;
      else if (byte === comma || byte === openingBracket || byte === openingBrace) this.#count += 1;
    }
  }
}
