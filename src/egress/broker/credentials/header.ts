import { Secret } from '../../../kit/secret.js';
import type { Authenticate } from '../types.js';

export interface HeaderKey {
  /** Header in lower case: `x-api-key`, `authorization`. */
  readonly name: string;
  /** What stands before the key, such as `Bearer `. */
  readonly prefix?: string;
  readonly secret: Secret;
  /** Further headers that go with this kind of key; they hold no secret. */
  readonly with?: Readonly<Record<string, string>>;
}

/** A key that is one header, or several. */
export function headerKey(...keys: readonly [HeaderKey, ...HeaderKey[]]): Authenticate {
  const headers: Record<string, string> = {};
  for (const { name, prefix = '', secret, with: further = {} } of keys) {
    Object.assign(headers, further, { [name]: `${prefix}${secret.reveal()}` });
  }
  const secrets = keys.map(({ secret }) => secret);
  const { fingerprint } = keys[0].secret;
  return () => Promise.resolve({ headers, secrets, fingerprint });
}

/** HTTP's Basic authentication, as https git takes tokens. */
export function basicKey(user: string, token: Secret): Authenticate {
  const encoded = Buffer.from(`${user}:${token.reveal()}`).toString('base64');
  const secrets = [token, new Secret(encoded)];
  return () =>
    Promise.resolve({ headers: { authorization: `Basic ${encoded}` }, secrets, fingerprint: token.fingerprint });
}
