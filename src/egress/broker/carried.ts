import { BrokerRefused } from './rules.js';

/** Bytes of bodies that one broker has carried, both ways, and how many they may be. */
export class Carried {
  readonly #most: number;
  #bytes = 0;

  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  /** Throws BrokerRefused (`broker.cap`) when nothing more may be carried. */
  refuseSpent(): void {
    if (this.#bytes >= this.#most) throw this.#spent();
  }

  /** Counts what is about to go. Throws BrokerRefused (`broker.cap`) when it is more than may. */
  take(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#most) throw this.#spent();
  }

  #spent(): BrokerRefused {
    return new BrokerRefused('broker.cap', `${this.#most} bytes`);
  }
}
