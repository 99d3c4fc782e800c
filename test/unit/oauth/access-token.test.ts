import { beforeEach, describe, expect, it } from 'vitest';
import { AccessTokens, TokenRefused, type TokenRules } from '../../../src/oauth/access-token.js';
import { IssuerKeys } from '../../../src/oauth/issuer-keys.js';
import { byHand, HandClock, Issuer, issuer, nowMs, resource, rules, usualClaims } from './support/issuer.js';

let theirs: Issuer;
let clock: HandClock;
let loads: number;

beforeEach(async () => {
  theirs = await new Issuer().newKey('one');
  clock = new HandClock();
  loads = 0;
});

function tokens(more: Partial<TokenRules> = {}): AccessTokens {
  const load = () => {
    loads += 1;
    return theirs.keySet();
  };
  return new AccessTokens({ ...rules, ...more }, new IssuerKeys(load, clock), clock);
}

/** What a token is refused for; undefined: it is good. */
async function check(token: string, more: Partial<TokenRules> = {}): Promise<string | undefined> {
  try {
    await tokens(more).verify(token);
    return undefined;
  } catch (error) {
    if (error instanceof TokenRefused) return error.check;
    throw error;
  }
}

const seconds = nowMs / 1000;

describe('an access token', () => {
  it('says who its holder is, which scopes it has and when it ends', async () => {
    const claims = await tokens().verify(await theirs.sign('one', { claims: { groups: ['a'], scope: 'a b' } }));
    expect(claims).toMatchObject({ subject: 'ada', scopes: ['a', 'b'], expiresAtMs: nowMs + 300_000 });
    expect(claims.all).toMatchObject({ groups: ['a'], sub: 'ada' });
  });

  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])(
    'is good when signed by %s, if that is pinned',
    async (alg) => {
      await theirs.newKey('two', alg);
      const token = await theirs.sign('two');
      expect(await check(token, { algorithms: [alg] })).toBeUndefined();
      expect(await check(token, { algorithms: ['RS512'] })).toBe('algorithm');
    },
  );

  it.each(['none', 'None', 'NONE', 'nOnE', ''])('is refused without a signature, by whatever name: %j', async (alg) => {
    expect(await check(byHand({ alg, typ: 'at+jwt' }, usualClaims()))).toMatch(/^(algorithm|malformed)$/);
    expect(loads).toBe(0);
  });

  it('is refused with its signature cut off', async () => {
    const [head, body] = (await theirs.sign('one')).split('.');
    expect(await check(`${head}.${body}.`)).toMatch(/^(signature|malformed)$/);
  });

  it.each(['HS256', 'HS384', 'HS512'])(
    'is refused when signed by %s with the public key as the secret',
    async (alg) => {
      const secrets = [await theirs.spki('one'), JSON.stringify(await theirs.jwk('one')), ''];
      for (const secret of secrets) {
        expect(await check(byHand({ alg, kid: 'one', typ: 'at+jwt' }, usualClaims(), secret))).toBe('algorithm');
      }
      expect(loads).toBe(0);
    },
  );

  it('is refused when another key of the same id signed it', async () => {
    const other = await new Issuer().newKey('one');
    expect(await check(await other.sign('one'))).toBe('signature');
  });

  it('is refused when it names another algorithm than its key is for', async () => {
    await theirs.newKey('rsa', 'RS256');
    expect(await check(await theirs.sign('one', { header: { kid: 'rsa' } }))).toBe('key');
    const [, body, signature] = (await theirs.sign('rsa')).split('.');
    const head = Buffer.from('{"alg":"PS256","kid":"rsa","typ":"at+jwt"}').toString('base64url');
    expect(await check(`${head}.${body}.${signature}`, { algorithms: ['RS256', 'PS256'] })).toBe('key');
  });

  it.each(['two', '../../etc/passwd', "' OR 1=1 --", '__proto__', '', 'x'.repeat(200)])(
    'is refused when it names a key that is not there: %s',
    async (kid) => {
      expect(await check(await theirs.sign('one', { header: { kid } }))).toBe('key');
    },
  );

  it.each([[['one']], [{ toString: 'one' }], [7], [null]])('is refused with %j for a key id', async (kid) => {
    expect(await check(await theirs.sign('one', { header: { kid } }))).toMatch(/^(key|malformed)$/);
  });

  it('is refused when it names no key and several would do', async () => {
    const token = await theirs.sign('one', { header: { kid: undefined } });
    expect(await check(token)).toBeUndefined();
    await theirs.newKey('two');
    expect(await check(token)).toBe('key');
  });

  it('brings no key of its own: jwk, jku, x5u and x5c are not looked at', async () => {
    const evil = await new Issuer().newKey('evil');
    const jwk = await evil.jwk('evil');
    const brought = [
      { jwk },
      { jku: 'https://127.0.0.1:9/keys' },
      { x5u: 'https://127.0.0.1:9/cert' },
      { x5c: ['MIIB'] },
      { jwk, kid: 'one' },
    ];
    for (const header of brought) expect(await check(await evil.sign('evil', { header }))).toMatch(/^(key|signature)$/);
    expect(await check(await theirs.sign('one', { header: { jwk, jku: 'https://127.0.0.1:9/keys' } }))).toBeUndefined();
  });

  it.each(['exp', 'x'])('is refused when it calls %s critical, which is not understood', async (name) => {
    const header = { crit: [name], [name]: true };
    expect(await check(await theirs.sign('one', { header }))).toBe('malformed');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['of another issuer', { iss: 'https://login.example.org/other' }, 'issuer'],
    ['of an issuer that only begins alike', { iss: `${issuer}.example.net` }, 'issuer'],
    ['of the issuer with a slash behind it', { iss: `${issuer}/` }, 'issuer'],
    ['of a list of issuers', { iss: [issuer] }, 'issuer'],
    ['of no issuer', { iss: undefined }, 'claims'],
    ['for somebody else', { aud: 'https://other.example.org/mcp' }, 'audience'],
    ['for a part of this server', { aud: `${resource}/x` }, 'audience'],
    ['for nobody', { aud: undefined }, 'claims'],
    ['for an empty list', { aud: [] }, 'audience'],
    ['for a list of others', { aud: ['https://a.example.org', 'https://b.example.org'] }, 'audience'],
    ['that is over', { exp: seconds - 31 }, 'expired'],
    ['without an end', { exp: undefined }, 'claims'],
    ['with an end that is a text', { exp: '9999999999' }, 'claims'],
    ['that is not good yet', { nbf: seconds + 31 }, 'not-yet'],
    ['that was made in the future', { iat: seconds + 31 }, 'not-yet'],
    ['that was made too long ago, however late it ends', { iat: seconds - 90_000, exp: seconds + 9e9 }, 'expired'],
    ['that was made nobody knows when', { iat: undefined }, 'claims'],
    ['of nobody', { sub: undefined }, 'claims'],
    ['of somebody without a name', { sub: '' }, 'claims'],
    ['of somebody who is a list', { sub: ['ada'] }, 'claims'],
    ['of somebody with a name without end', { sub: 'x'.repeat(257) }, 'claims'],
    ['with scopes that are an object', { scope: { 'paddock:read': true } }, 'claims'],
  ])('%s is refused', async (_, claims, expected) => {
    expect(await check(await theirs.sign('one', { claims }))).toBe(expected);
  });

  it.each<[string, Record<string, unknown>]>([
    ['for a list with this server in it', { aud: ['https://a.example.org', resource] }],
    ['that ended as long ago as clocks may differ', { exp: seconds - 29 }],
    ['that begins as soon', { nbf: seconds + 29, iat: seconds + 29 }],
  ])('%s is good', async (_, claims) => {
    expect(await check(await theirs.sign('one', { claims }))).toBeUndefined();
  });

  it.each(['JWT', 'id+jwt', 'logout+jwt', undefined])(
    'is refused as the type %s, unless the site says any',
    async (typ) => {
      const token = await theirs.sign('one', { header: { typ } });
      expect(await check(token)).toBe('type');
      expect(await check(token, { typed: false })).toBeUndefined();
    },
  );

  it.each(['at+JWT', 'application/at+jwt'])('may write its type %s', async (typ) => {
    expect(await check(await theirs.sign('one', { header: { typ } }))).toBeUndefined();
  });

  it.each(['', '.', '..', 'a.b', 'a.b.c.d', 'a.b.c.d.e', '{"payload":"","signature":""}', 'e30.e30.', 'pdkey_x'])(
    'is three parts, and not %j',
    async (text) => {
      expect(await check(text)).toBe('malformed');
    },
  );

  it('has no other text, signed or not, after a change of one letter', async () => {
    const token = await theirs.sign('one');
    const [head = '', body = '', signature = ''] = token.split('.');
    const claims = { ...usualClaims(), sub: 'root' };
    const other = Buffer.from(JSON.stringify(claims)).toString('base64url');
    expect(await check(`${head}.${other}.${signature}`)).toBe('signature');
    expect(await check(`${head}.${body}.${signature}AAAA`)).toMatch(/^(signature|malformed)$/);
  });

  it('lasts no longer than the site lets it', async () => {
    const claims = { iat: seconds - 60, exp: seconds + 9e9 };
    const { expiresAtMs } = await tokens({ longestMs: 100_000 }).verify(await theirs.sign('one', { claims }));
    expect(expiresAtMs).toBe(nowMs + 40_000);
  });

  it('has its scopes by whichever name the issuer has for them', async () => {
    const claims = { scope: undefined, scp: ['a', 'b'] };
    expect((await tokens().verify(await theirs.sign('one', { claims }))).scopes).toEqual(['a', 'b']);
  });
});
