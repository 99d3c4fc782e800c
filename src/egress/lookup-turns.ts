/** The system's resolver takes one of four threads that files of the whole process are read by; names that never answer may not take them all. */
const mostAtOnce = 2;

interface Waiting {
  readonly of: object;
  readonly begin: () => void;
}

/** Who of all sessions of a process may look a name up now. A session that holds none goes before one that holds some. */
export class LookupTurns {
  readonly #held: object[] = [];
  readonly #waiting = new Set<Waiting>();

  /** Takes a turn for that session, if there is one. */
  tryTake(of: object): boolean {
    if (this.#held.length >= mostAtOnce) return false;
    this.#held.push(of);
    return true;
  }

  giveBack(of: object): void {
    this.#held.splice(this.#held.indexOf(of), 1);
    const heldBy = (waiting: Waiting) => this.#held.filter((one) => one === waiting.of).length;
    const [next] = [...this.#waiting].sort((one, other) => heldBy(one) - heldBy(other));
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#held.push(next.of);
    next.begin();
  }

  /** Whoever is gone before the turn comes leaves the queue: a sandbox could fill it with names that it does not wait for. Rejects with an AbortError then. */
  async take(of: object, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        if (this.#waiting.delete(waiting)) reject(new DOMException('nobody waits for it any more', 'AbortError'));
      };
      const begin = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const waiting = { of, begin };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
