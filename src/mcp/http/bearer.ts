import type { IncomingMessage } from 'node:http';
import { HttpRefusal } from './refusal.js';

/** What clients are told that could get a token (RFC 9728). Absent where only keys are taken. */
export interface TokenSource {
  /** Where the metadata of this server is, as clients see it. */
  readonly url: string;
  readonly paths: ReadonlySet<string>;
  /** JSON. */
  readonly document: string;
  /** What to ask for at first; more is told when it is needed. */
  readonly firstScope: string;
}

/** How requests are refused for what stands behind `Bearer`, or does not: with the codes of RFC 6750, and no word on what was wrong. */
export class Bearer {
  readonly #source: TokenSource | undefined;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  /** What stands behind it, which is gone from the request then: nothing that handles it has any use for it. Errors: HttpRefusal. */
  take(request: IncomingMessage): string {
    const found = /^Bearer ([\x21-\x7e]{1,8192})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (found !== undefined) {
      delete request.headers.authorization;
      const isOther = (_: string, at: number, all: readonly string[]) =>
        all[at - (at % 2)]?.toLowerCase() !== 'authorization';
      request.rawHeaders = request.rawHeaders.filter(isOther);
      return found;
    }
    const what = this.#source === undefined ? 'send a key: Authorization: Bearer KEY' : 'send a token, or a key';
    throw new HttpRefusal('no-key', what, this.#challenge({ scope: this.#source?.firstScope }));
  }

  wrongKey(): HttpRefusal {
    return new HttpRefusal(
      'wrong-key',
      'that key is not known, or good no more',
      this.#challenge({ error: 'invalid_token', scope: this.#source?.firstScope }),
    );
  }

  /** `check`: what it failed at. */
  wrongToken(check: string): HttpRefusal {
    const challenge = this.#challenge({ error: 'invalid_token', scope: this.#source?.firstScope });
    return new HttpRefusal('wrong-token', 'that token is not good here, or no more', challenge, check);
  }

  /** Of a good token, whose holder gets nothing here whatever they ask for. */
  noGrant(): HttpRefusal {
    return new HttpRefusal('no-grant', 'the holder of that token may do nothing here', this.#challenge({}));
  }

  /** `scopes`: which would do. */
  scope(scopes: readonly string[]): HttpRefusal {
    const challenge = this.#challenge({ error: 'insufficient_scope', scope: scopes.join(' ') });
    return new HttpRefusal('scope', 'that takes a token with more scope', challenge);
  }

  #challenge({ error, scope }: { readonly error?: string; readonly scope?: string | undefined }) {
    const parts = { realm: 'paddock', error, scope, resource_metadata: this.#source?.url };
    const given = Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [] : `${name}="${value}"`));
    return { 'www-authenticate': `Bearer ${given.join(', ')}` };
  }
}

/** What is kept of keys can't be read, so nobody knows whether this one is good. */
export function keysAway(): HttpRefusal {
  return new HttpRefusal('keys', 'keys can not be checked just now', { 'retry-after': '5' });
}

/** The keys of the issuer are not to be had, which is no fault of the token's: a client that was told so would throw a good one away. */
export function issuerAway(): HttpRefusal {
  return new HttpRefusal('issuer', 'tokens can not be checked just now', { 'retry-after': '5' });
}
