import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { type FetchJson, IssuerUnavailable } from './fetch-json.js';

/** Reads the public keys there are now. Errors: IssuerUnavailable. */
export type LoadKeys = () => Promise<JSONWebKeySet>;

const mostKeys = 64;
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(mostKeys) });
/** Shared secrets are no keys of an issuer: whoever reads the set would have them. */
const kinds = ['RSA', 'EC', 'OKP'];

export function readKeySet(document: unknown, from: string): JSONWebKeySet {
  const parsed = keySetSchema.safeParse(document);
  const keys = parsed.data?.keys.filter(({ kty, d }) => kinds.includes(kty) && d === undefined) ?? [];
  if (keys.length > 0) return { keys };
  throw new IssuerUnavailable(`${from} has no set of at most ${mostKeys} public keys`);
}

export function keysAt(uri: string, fetch: FetchJson): LoadKeys {
  return async () => readKeySet(await fetch(uri), uri);
}

const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.string() });

/**
 * The keys that the issuer's metadata names (RFC 8414, else OpenID Connect Discovery). A document of another issuer counts as none:
 * who could put one there would have its keys believed.
 */
export function discoveredKeys(issuer: string, fetch: FetchJson): LoadKeys {
  return async () => {
    let failure: unknown;
    for (const at of metadataOf(issuer)) {
      try {
        const found = metadataSchema.safeParse(await fetch(at)).data;
        if (found?.issuer !== issuer) throw new IssuerUnavailable(`${at} is no metadata of ${issuer}`);
        return await keysAt(checked(found.jwks_uri), fetch)();
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  };
}

function metadataOf(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
}

function checked(uri: string): string {
  if (URL.canParse(uri) && new URL(uri).protocol === 'https:') return uri;
  throw new IssuerUnavailable('the issuer names no https: URL for its keys');
}
