/** A set that remembers the latest `capacity` members. */
export class SlidingSet {
  readonly #capacity: number;
  readonly #members = new Set<string>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(member: string): void {
    this.#members.delete(member);
    this.#members.add(member);
    if (this.#members.size <= this.#capacity) return;
    // A Set iterates in order of insertion: the first is the oldest.
    for (const oldest of this.#members) {
      this.#members.delete(oldest);
      break;
    }
  }

  has(member: string): boolean {
    return this.#members.has(member);
  }
}
