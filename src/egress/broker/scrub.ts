import type { Secret } from '../../kit/secret.js';

/** Shorter texts occur by chance: a key of a few letters would blot out ordinary words of an answer. */
const leastChars = 8;

/**
 * Strikes keys out of what goes inside: in clear, in base64 (wherever they begin in it), in hex, URL- and JSON-encoded, each byte by `*`,
 * so that lengths stay. Nothing is held back but the end of a chunk that a key may begin with; an event of a stream ends otherwise.
 */
export class Scrubber {
  readonly #patterns: readonly Buffer[];
  #held: Buffer = Buffer.alloc(0);

  constructor(secrets: readonly Secret[]) {
    const spellings = secrets.map((secret) => secret.reveal()).filter((text) => text.length >= leastChars);
    this.#patterns = [...new Set(spellings.flatMap(spellingsOf))].map((text) => Buffer.from(text));
  }

  /** A whole text, such as a header's value. */
  text(value: string): string {
    const bytes = Buffer.from(value);
    this.#strike(bytes);
    return bytes.toString();
  }

  /** The next piece of a body; what is held back comes with the next one. */
  push(chunk: Buffer): Buffer {
    if (this.#patterns.length === 0) return chunk;
    const bytes = Buffer.concat([this.#held, chunk]);
    this.#strike(bytes);
    const keep = this.#tail(bytes);
    this.#held = bytes.subarray(bytes.length - keep);
    return bytes.subarray(0, bytes.length - keep);
  }

  /** What was held back, at the end. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }

  #strike(bytes: Buffer): void {
    for (const pattern of this.#patterns) {
      for (let at = bytes.indexOf(pattern); at !== -1; at = bytes.indexOf(pattern, at + pattern.length)) {
        bytes.fill('*', at, at + pattern.length);
      }
    }
  }

  /** How many of the last bytes may be the beginning of a key. */
  #tail(bytes: Buffer): number {
    const longest = Math.max(...this.#patterns.map((pattern) => pattern.length - 1));
    for (let length = Math.min(longest, bytes.length); length > 0; length -= 1) {
      const end = bytes.subarray(bytes.length - length);
      if (this.#patterns.some((pattern) => pattern.length > length && pattern.subarray(0, length).equals(end))) {
        return length;
      }
    }
    return 0;
  }
}

function spellingsOf(text: string): string[] {
  const hex = Buffer.from(text).toString('hex');
  const all = [text, hex, hex.toUpperCase(), encodeURIComponent(text), JSON.stringify(text).slice(1, -1)];
  for (const offset of [0, 1, 2]) {
    const base64 = inBase64(text, offset);
    all.push(base64, base64.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return all.filter((spelling) => spelling.length >= leastChars);
}

/** The characters of base64 that a text alone determines when `offset` bytes (modulo 3) stand before it. */
function inBase64(text: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
  const whole = bytes.toString('base64').replaceAll('=', '');
  const first = offset === 0 ? 0 : offset + 1;
  const last = bytes.length % 3 === 0 ? whole.length : whole.length - 1;
  return whole.slice(first, last);
}
