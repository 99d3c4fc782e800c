import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

/**
 * A text that must not get into a log, an error or a result by accident: whatever turns values into text, JSON or a screen
 * finds `[secret]`. Only who needs the bytes says `reveal()`, which is easy to search for.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  /** The first 8 hex digits of its SHA-256: tells keys apart in usage and in the audit log, and gives none away. */
  get fingerprint(): string {
    return createHash('sha256').update(this.#text).digest('hex').slice(0, 8);
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
