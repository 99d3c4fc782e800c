/** The system's resolver takes one of four threads that files of the whole process are read by; names that never answer may not take them all. */
const mostAtOnce = 2;

/** Whoever's sessions those are. */
interface Caller {
  readonly most: number;
  held: number;
  /** The number of its last turn. */
  lastTurn: number;
}

interface Waiting {
  readonly of: object;
  readonly caller: Caller;
  readonly begin: () => void;
}

/** Of the whole process. */
interface Shared {
  readonly held: object[];
  readonly waiting: Set<Waiting>;
  turns: number;
}

/**
 * Who of all sessions of a process may look a name up now. The holder of a key has one turn at most, however many sessions they have, and goes behind
 * the others after it; of one caller's, a session that holds none goes before one that holds some.
 */
export class LookupTurns {
  readonly #shared: Shared;
  readonly #caller: Caller;

  constructor(shared: Shared = { held: [], waiting: new Set(), turns: 0 }, most = mostAtOnce) {
    this.#shared = shared;
    this.#caller = { most, held: 0, lastTurn: 0 };
  }

  /** Turns of the same process, for one key. */
  forKey(): LookupTurns {
    return new LookupTurns(this.#shared, 1);
  }

  /** Takes a turn for that session, if there is one. */
  tryTake(of: object): boolean {
    if (!this.#isFree(this.#caller)) return false;
    this.#hold(of, this.#caller);
    return true;
  }

  giveBack(of: object): void {
    const { held, waiting } = this.#shared;
    held.splice(held.indexOf(of), 1);
    this.#caller.held -= 1;
    const heldBy = (one: Waiting) => held.filter((each) => each === one.of).length;
    const [next] = [...waiting]
      .filter(({ caller }) => this.#isFree(caller))
      .sort((one, other) => one.caller.lastTurn - other.caller.lastTurn || heldBy(one) - heldBy(other));
    if (next === undefined) return;
    waiting.delete(next);
    this.#hold(next.of, next.caller);
    next.begin();
  }

  /** Whoever is gone before the turn comes leaves the queue: a sandbox could fill it with names that it does not wait for. Rejects with an AbortError then. */
  async take(of: object, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const queue = this.#shared.waiting;
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        if (queue.delete(waiting)) reject(new DOMException('nobody waits for it any more', 'AbortError'));
      };
      const begin = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const waiting = { of, caller: this.#caller, begin };
      queue.add(waiting);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #isFree(caller: Caller): boolean {
    return this.#shared.held.length < mostAtOnce && caller.held < caller.most;
  }

  #hold(of: object, caller: Caller): void {
    this.#shared.held.push(of);
    this.#shared.turns += 1;
    caller.held += 1;
    caller.lastTurn = this.#shared.turns;
  }
}
