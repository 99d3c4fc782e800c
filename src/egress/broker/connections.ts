import type { Duplex } from 'node:stream';
import type { BrokerLimits } from './limits.js';
import { Watchdog } from './watchdog.js';

/** For a reader to take a last answer before its connection is reset. */
const lingerMs = 2_000;

interface Open {
  readonly watchdog: Watchdog;
  /** Requests on it that have no whole answer yet. */
  requests: number;
}

/**
 * The connections from inside, and how long each may say nothing. Node's own timeouts work on sockets, and on servers that listen:
 * neither is the case here.
 */
export class Connections implements Disposable {
  readonly #limits: BrokerLimits;
  readonly #open = new Map<Duplex, Open>();

  constructor(limits: BrokerLimits) {
    this.#limits = limits;
  }

  /** Whether it may stay: there is an end to how many there are at once. A head has to come in time. */
  add(connection: Duplex): boolean {
    if (this.#open.size >= this.#limits.connections) return false;
    const watchdog = new Watchdog(() => connection.destroy());
    watchdog.set(this.#limits.headMs);
    this.#open.set(connection, { watchdog, requests: 0 });
    connection.once('close', () => {
      watchdog.stop();
      this.#open.delete(connection);
    });
    return true;
  }

  /** A head has come. */
  onRequest(connection: Duplex): void {
    const open = this.#open.get(connection);
    if (open === undefined) return;
    open.requests += 1;
    open.watchdog.stop();
  }

  /** An answer is out, or is not going to be. */
  onAnswered(connection: Duplex, isKept: boolean): void {
    const open = this.#open.get(connection);
    if (open === undefined) return;
    open.requests -= 1;
    if (open.requests === 0) open.watchdog.set(isKept ? this.#limits.idleMs : lingerMs);
  }

  isBusy(connection: Duplex): boolean {
    return (this.#open.get(connection)?.requests ?? 0) > 0;
  }

  /** The last bytes to it are written. */
  onLast(connection: Duplex): void {
    this.#open.get(connection)?.watchdog.set(lingerMs);
  }

  [Symbol.dispose](): void {
    for (const connection of this.#open.keys()) connection.destroy();
  }
}
