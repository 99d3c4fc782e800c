import { PassThrough } from 'node:stream';
import { inputWindowBytes } from './messages.js';

/** What a visitor types for its command, held within one window; the command's end is the caller's to say. */
export class VisitorInput {
  readonly #onTaken: (bytes: number) => void;
  #stdin: PassThrough | undefined;
  #heldBytes = 0;
  #takenBytes = 0;

  /** `onTaken` hears, a quarter of the window at a time, how much the command has read. */
  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken;
  }

  /** For the command to read. */
  open(): PassThrough {
    this.#stdin = new PassThrough();
    return this.#stdin;
  }

  /** False where that is more than the window holds. What nobody reads is dropped. */
  write(bytes: Buffer): boolean {
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > inputWindowBytes) return false;
    const stdin = this.#stdin;
    if (stdin === undefined || stdin.writableEnded || stdin.destroyed) return true;
    stdin.write(Buffer.from(bytes), (error) => {
      if (error === null || error === undefined) this.#taken(bytes.length);
    });
    return true;
  }

  end(): void {
    this.#stdin?.end();
  }

  destroy(): void {
    this.#stdin?.destroy();
  }

  #taken(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < inputWindowBytes / 4) return;
    const room = this.#takenBytes;
    this.#takenBytes = 0;
    this.#heldBytes -= room;
    this.#onTaken(room);
  }
}
