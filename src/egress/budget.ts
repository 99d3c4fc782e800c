import type { EgressSpec } from '../core/egress.js';
import type { Clock } from '../kit/clock.js';

export type Direction = 'in' | 'out';

export interface EgressUsage {
  /** Open now. */
  readonly connections: number;
  /** Let in, ever. */
  readonly total: number;
  /** To the sandbox. */
  readonly bytesIn: number;
  /** From the sandbox. */
  readonly bytesOut: number;
}

/** What a session has moved before this process held it, and who keeps that on. */
export interface Moved {
  readonly before: number;
  /** In all, what was before included. Must not throw. */
  note(total: number): void;
}

/** The session has moved all the bytes it may. */
export class OutOfBytes extends Error {}

/** What all connections of one session share: how many there are, how much they move and how fast. */
export class Budget {
  readonly #spec: Omit<EgressSpec, 'allow'>;
  readonly #clock: Clock;
  readonly #moved: Moved | undefined;
  #connections = 0;
  #total = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  /** Bytes that may go at once; below 0 they are paid off by waiting. */
  #allowance: number;
  #countedAtMs: number;

  constructor(spec: Omit<EgressSpec, 'allow'>, clock: Clock, moved?: Moved) {
    this.#spec = spec;
    this.#clock = clock;
    this.#moved = moved;
    this.#allowance = spec.bytesPerSecond;
    this.#countedAtMs = clock.monotonic();
  }

  get usage(): EgressUsage {
    return { connections: this.#connections, total: this.#total, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut };
  }

  get isSpent(): boolean {
    return this.#inAll >= this.#spec.bytes;
  }

  /** False: there is no room for one more. Else `leave` gives it back. */
  enter(): boolean {
    if (this.#connections >= this.#spec.connections) return false;
    this.#connections += 1;
    this.#total += 1;
    return true;
  }

  leave(): void {
    this.#connections -= 1;
  }

  /**
   * Counts bytes that are about to go, and says for how many milliseconds nothing more may follow them on the same connection. Throws
   * OutOfBytes when they are too many: then they do not go.
   */
  spend(direction: Direction, bytes: number): number {
    if (this.#inAll + bytes > this.#spec.bytes) {
      // What was left is gone as well: else whoever sends in small pieces gets further than whoever sends in large ones.
      this.#bytesOut += Math.max(0, this.#spec.bytes - this.#inAll);
      this.#moved?.note(this.#inAll);
      throw new OutOfBytes();
    }
    if (direction === 'in') this.#bytesIn += bytes;
    else this.#bytesOut += bytes;
    this.#moved?.note(this.#inAll);
    const nowMs = this.#clock.monotonic();
    const { bytesPerSecond } = this.#spec;
    const earned = ((nowMs - this.#countedAtMs) / 1000) * bytesPerSecond;
    this.#countedAtMs = nowMs;
    this.#allowance = Math.min(bytesPerSecond, this.#allowance + earned) - bytes;
    return this.#allowance >= 0 ? 0 : Math.ceil((-this.#allowance / bytesPerSecond) * 1000);
  }

  /** Under earlier holders too. */
  get #inAll(): number {
    return (this.#moved?.before ?? 0) + this.#bytesIn + this.#bytesOut;
  }
}
