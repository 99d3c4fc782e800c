import { randomBytes } from 'node:crypto';

/** 80 bits, which nobody guesses. */
const nameBytes = 10;
const atOnce = 100;

/** What files are called until they are whole. Random, so that nobody is there before; asking for it takes as long as writing a small file, so for many in one go. */
export class DraftNames {
  #random = Buffer.alloc(0);

  next(): string {
    if (this.#random.length === 0) this.#random = randomBytes(nameBytes * atOnce);
    const name = this.#random.toString('hex', 0, nameBytes);
    this.#random = this.#random.subarray(nameBytes);
    return `.paddock-${name}`;
  }
}
