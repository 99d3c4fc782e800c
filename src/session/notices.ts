const mostNotices = 10;

/** What whoever works in a session should hear with its next result: each once, and no more than ten at a time. */
export class Notices {
  #waiting: readonly string[] = [];

  add(text: string): void {
    this.#waiting = [...this.#waiting, text].slice(-mostNotices);
  }

  /** They count as told. */
  take(): readonly string[] {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }
}
