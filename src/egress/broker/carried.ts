import { BrokerRefused } from './rules.js';
import type { Spending } from './spending.js';

/** Bytes of bodies that the broker of one session has carried, both ways, and how many they may be. */
export class Carried {
  readonly #most: number;
  readonly #spending: Spending | undefined;
  #bytes: number;

  constructor(most = Number.POSITIVE_INFINITY, spending?: Spending) {
    this.#most = most;
    this.#spending = spending;
    this.#bytes = spending?.before.bytes ?? 0;
  }

  /** Throws BrokerRefused (`broker.cap`) when nothing more may be carried. */
  refuseSpent(): void {
    if (this.#bytes >= this.#most) throw this.#spent();
  }

  /** Counts what is about to go. Throws BrokerRefused (`broker.cap`) when it is more than may. */
  take(bytes: number): void {
    this.#bytes += bytes;
    this.#spending?.note({ bytes: this.#bytes });
    if (this.#bytes > this.#most) throw this.#spent();
  }

  #spent(): BrokerRefused {
    return new BrokerRefused('broker.cap', `${this.#most} bytes`);
  }
}
