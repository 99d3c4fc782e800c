import { createHmac } from 'node:crypto';
import { exportJWK, exportSPKI, type GenerateKeyPairResult, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Clock } from '../../../../src/kit/clock.js';
import type { TokenRules } from '../../../../src/oauth/access-token.js';

export const issuer = 'https://login.example.org/team';
export const resource = 'https://mcp.example.org/mcp';
export const nowMs = Date.UTC(2026, 0, 1);

export const rules: TokenRules = {
  ...{ issuer, audience: resource, algorithms: ['RS256', 'ES256', 'EdDSA'], typed: true },
  ...{ skewMs: 30_000, longestMs: 24 * 3_600_000 },
};

/** Stands until it is moved. */
export class HandClock implements Clock {
  atMs = nowMs;
  readonly now = () => this.atMs;
  readonly monotonic = () => this.atMs;
  readonly sleep = () => Promise.resolve();
}

export interface Asked {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

/** One who makes keys and signs with them. */
export class Issuer {
  readonly #keys = new Map<string, GenerateKeyPairResult & { readonly alg: string }>();

  async newKey(kid: string, alg = 'ES256'): Promise<this> {
    this.#keys.set(kid, { ...(await generateKeyPair(alg, { extractable: true })), alg });
    return this;
  }

  drop(kid: string): void {
    this.#keys.delete(kid);
  }

  /** What it publishes. */
  async keySet(): Promise<{ keys: JWK[] }> {
    const keys = [...this.#keys].map(async ([kid, { publicKey, alg }]) => ({
      ...(await exportJWK(publicKey)),
      ...{ kid, alg, use: 'sig' },
    }));
    return { keys: await Promise.all(keys) };
  }

  /** The public key as a text, which is what HS256 would take for a secret. */
  spki(kid: string): Promise<string> {
    return exportSPKI(this.#require(kid).publicKey);
  }

  jwk(kid: string): Promise<JWK> {
    return exportJWK(this.#require(kid).publicKey);
  }

  /** A good token but for what is asked to be otherwise; what is asked to be undefined is left out. */
  async sign(kid: string, { claims = {}, header = {} }: Asked = {}): Promise<string> {
    const { privateKey, alg } = this.#require(kid);
    const protectedHeader = { alg, kid, typ: 'at+jwt', ...header };
    const token = new SignJWT({ ...usualClaims(), ...claims }).setProtectedHeader(protectedHeader);
    return await token.sign(privateKey, { crit: { exp: true, x: true } });
  }

  #require(kid: string) {
    const found = this.#keys.get(kid);
    if (found === undefined) throw new Error(`no key ${kid}`);
    return found;
  }
}

export function usualClaims(): Record<string, unknown> {
  const now = nowMs / 1000;
  return {
    iss: issuer,
    aud: resource,
    sub: 'ada',
    iat: now - 10,
    exp: now + 300,
    scope: 'paddock:read',
    client_id: 'c',
  };
}

/** Three parts by hand, signed with a text if there is one. */
export function byHand(header: unknown, claims: unknown, secret?: string): string {
  const [head, body] = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const text = `${head}.${body}`;
  return `${text}.${secret === undefined ? '' : createHmac('sha256', secret).update(text).digest('base64url')}`;
}
