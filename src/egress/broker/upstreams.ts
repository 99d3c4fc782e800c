import { type Dispatcher, Pool } from 'undici';
import type { BrokerLimits } from './limits.js';

export interface UpstreamTls {
  /** Further authorities in PEM, for a gateway with a certificate of the company's own. */
  readonly ca?: string | readonly string[];
}

/**
 * Kept connections to the providers, a pool for each origin. Certificates are always verified, also where
 * NODE_TLS_REJECT_UNAUTHORIZED says otherwise; no redirect is followed. Dispose to close all of them.
 */
export class Upstreams implements AsyncDisposable {
  readonly #pools = new Map<string, Pool>();
  readonly #options: Pool.Options;

  constructor(limits: BrokerLimits, { ca }: UpstreamTls = {}) {
    const trust = ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] };
    this.#options = {
      connections: limits.requests,
      pipelining: 1,
      maxHeaderSize: 64 * 1024,
      // Ours, for each request: these would end an answer whose reader takes its time.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: limits.connectMs, rejectUnauthorized: true, ...trust },
    };
  }

  for(url: URL): Dispatcher {
    const found = this.#pools.get(url.origin);
    if (found !== undefined) return found;
    const pool = new Pool(url.origin, this.#options);
    this.#pools.set(url.origin, pool);
    return pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
  }
}
