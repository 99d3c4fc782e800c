import { Growth } from './growth.js';
import type { Instruments } from './instruments.js';

/** What one session's connections have moved so far. */
export interface Moved {
  readonly total: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What one session has used of one model with one key so far. */
export interface ModelUse {
  /** Route of the broker, of which there are a handful. */
  readonly provider: string;
  /** Tells it from the session's others; no label. */
  readonly name: string;
  readonly requests: number;
  readonly unpriced: number;
  /** Millionths of a US dollar. */
  readonly microUsd: number;
  /** By kind, with what is written to caches for long and for short together. */
  readonly tokens: Readonly<Record<string, number>>;
}

/** Counts what leaves sessions, by their own sums: at each look, and at the end of each session. */
export class Traffic {
  readonly #instruments: Instruments;
  readonly #growth = new Growth();

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
  }

  connections(session: string, { total, bytesIn, bytesOut }: Moved): void {
    const { connections, bytes } = this.#instruments;
    connections.inc(this.#growth.of(session, 'connections', total));
    bytes.inc({ direction: 'in' }, this.#growth.of(session, 'in', bytesIn));
    bytes.inc({ direction: 'out' }, this.#growth.of(session, 'out', bytesOut));
  }

  models(session: string, uses: readonly ModelUse[]): void {
    const { requests, unpriced, dollars, tokens } = this.#instruments;
    for (const use of uses) {
      const { provider, name } = use;
      const grown = (what: string, total: number) => this.#growth.of(session, `${what} ${name}`, total);
      requests.inc({ provider }, grown('requests', use.requests));
      unpriced.inc({ provider }, grown('unpriced', use.unpriced));
      dollars.inc({ provider }, grown('cost', use.microUsd) / 1e6);
      for (const [kind, count] of Object.entries(use.tokens)) tokens.inc({ provider, kind }, grown(kind, count));
    }
  }

  forget(session: string): void {
    this.#growth.forget(session);
  }
}
