export interface EndingsParts<T> {
  /** Ends all that somebody has; called again where something of it is left. */
  readonly endOf: (one: T) => Promise<void>;
  readonly hasLeft: (one: T) => boolean;
  readonly onFailure: (one: T, error: unknown) => void;
}

/**
 * Those who are parted with, until nothing of theirs is left: until then it takes room and is metered. Each ends beside the others, so that one whose end
 * hangs or fails keeps no other alive; one that failed is tried again.
 */
export class Endings<T> {
  readonly #parts: EndingsParts<T>;
  readonly #under = new Map<T, Promise<void>>();
  /** Not begun yet, or begun in vain. */
  readonly #due = new Set<T>();

  constructor(parts: EndingsParts<T>) {
    this.#parts = parts;
  }

  /** Those of whom something is left. */
  get all(): readonly T[] {
    return [...new Set([...this.#under.keys(), ...this.#due])];
  }

  /** Counts as one of these from now on; `begin` follows. */
  expect(one: T): void {
    this.#due.add(one);
  }

  begin(one: T): void {
    if (this.#under.has(one)) return;
    this.#due.delete(one);
    this.#under.set(one, this.#end(one));
  }

  /** Tries those again whose end has failed. */
  again(): void {
    for (const one of this.#due) this.begin(one);
  }

  /** Resolves when no end is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#under.values());
  }

  async #end(one: T): Promise<void> {
    try {
      await this.#parts.endOf(one);
    } catch (error) {
      this.#parts.onFailure(one, error);
    }
    this.#under.delete(one);
    if (this.#parts.hasLeft(one)) this.#due.add(one);
  }
}
