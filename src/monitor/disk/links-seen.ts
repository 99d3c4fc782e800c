/** Files with several names that one count remembers; each costs about 50 bytes while it goes on. */
const most = 500_000;

/**
 * Which files with more than one name have been counted already. Beyond half a million such files the rest count once for each
 * name, which is too much and never too little.
 */
export class LinksSeen {
  readonly #byDevice = new Map<number, Set<number | bigint>>();
  #size = 0;

  get isFull(): boolean {
    return this.#size >= most;
  }

  /** Whether it is the first time that this file comes by. */
  isFirst(dev: number, ino: number | bigint): boolean {
    let seen = this.#byDevice.get(dev);
    if (seen === undefined) {
      seen = new Set();
      this.#byDevice.set(dev, seen);
    }
    if (seen.has(ino)) return false;
    if (!this.isFull) {
      seen.add(ino);
      this.#size += 1;
    }
    return true;
  }
}
