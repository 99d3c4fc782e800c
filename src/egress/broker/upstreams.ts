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
  readonly #connect: { readonly timeout: number; readonly rejectUnauthorized: true; readonly ca?: string | string[] };

  constructor(limits: BrokerLimits, { ca }: UpstreamTls = {}) {
    const trust = ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] };
    this.#options = {
      connections: limits.requests,
      pipelining: 1,
      maxHeaderSize: 64 * 1024,
      // Ours, for each request: these would end an answer whose reader takes its time.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    this.#connect = { timeout: limits.connectMs, rejectUnauthorized: true, ...trust };
  }

  /** `ca`: whom to trust there in place of the broker's authorities; connections of one trust never serve another. */
  for(url: URL, ca?: string): Dispatcher {
    const name = `${url.origin} ${ca ?? ''}`;
    const found = this.#pools.get(name);
    if (found !== undefined) return found;
    const connect = { ...this.#connect, ...(ca !== undefined && { ca }) };
    const pool = new Pool(url.origin, { ...this.#options, connect });
    this.#pools.set(name, pool);
    return pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
  }
}
