import { ChannelViolation } from './errors.js';
import type { ChannelLink } from './link.js';

/** Something that has frames to send when the link takes them. */
export interface Sender {
  /** The next frame, at most 64 KiB of data; undefined when there is none for now. */
  nextFrame(): Buffer | undefined;
  /** A frame of its own has been written: its bytes may be used again. */
  onTaken?(frame: Buffer): void;
}

/**
 * Control frames that may wait for a peer that does not read: a thousand times what a busy session has on its way. One
 * that lets more pile up would fill our memory.
 */
const maxPendingBytes = 4 * 1024 * 1024;

/**
 * Everything that goes to process 1. Control frames go at once; data, credit and starts take turns, one frame each, and
 * only while the link takes more, so that what waits there is bounded however slow the other side is.
 */
export class Outbox {
  readonly #link: ChannelLink;
  readonly #onStuck: (violation: ChannelViolation) => void;
  readonly #waiting = new Set<Sender>();
  #isClosed = false;

  constructor(link: ChannelLink, onStuck: (violation: ChannelViolation) => void) {
    this.#link = link;
    this.#onStuck = onStuck;
  }

  send(frame: Buffer): void {
    if (this.#isClosed) return;
    this.#link.write(frame);
    if (this.#link.pendingBytes > maxPendingBytes) {
      this.#onStuck(new ChannelViolation(`${this.#link.pendingBytes} bytes wait, and process 1 reads none`));
    }
  }

  /** `sender` has something to send; it is asked until it has no more. */
  queue(sender: Sender): void {
    if (this.#isClosed) return;
    this.#waiting.add(sender);
    this.run();
  }

  /** Call it when the link takes more. */
  run(): void {
    for (const sender of this.#waiting) {
      if (this.#isClosed || !this.#link.isWritable) return;
      // Added again at the end while it has more: a Set is walked in order, with what was added on the way.
      this.#waiting.delete(sender);
      const frame = sender.nextFrame();
      if (frame === undefined) continue;
      if (sender.onTaken === undefined) this.#link.write(frame);
      else this.#link.write(frame, () => sender.onTaken?.(frame));
      this.#waiting.add(sender);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }
}
