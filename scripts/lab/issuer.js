// A real OAuth issuer on the loopback, with TLS: oidc-provider, whose clients are programs.
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';

const secret = 'a secret of the tests, and of nobody else';
export const [reads, runs] = ['paddock:read', 'paddock:run'];

/** Whose tokens are what: `builder` has good ones. */
const clients = {
  builder: { ttl: 600, sign: { alg: 'ES256' } },
  stranger: { ttl: 600, sign: { alg: 'ES256' } },
  brief: { ttl: 1, sign: { alg: 'ES256' } },
  other: { ttl: 600, sign: { alg: 'RS256' } },
  shared: { ttl: 600, sign: { alg: 'HS256', key: createSecretKey(Buffer.from(secret)) } },
};

/** What it signs with, made anew. */
export function newKeys() {
  const made = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ];
  return made.map(({ privateKey }) => privateKey.export({ format: 'jwk' }));
}

function settings(keys) {
  const getResourceServerInfo = (_ctx, audience, { clientId }) => {
    // Of clients that registered themselves as of `builder`.
    const { ttl: accessTokenTTL, sign } = clients[clientId] ?? clients.builder;
    return { audience, scope: `${reads} ${runs}`, accessTokenTTL, accessTokenFormat: 'jwt', jwt: { sign } };
  };
  return {
    jwks: { keys },
    scopes: [reads, runs],
    clients: Object.keys(clients).map((id) => ({
      ...{ client_id: id, client_secret: secret, grant_types: ['client_credentials'] },
      ...{ redirect_uris: [], response_types: [] },
    })),
    extraTokenClaims: (_ctx, { clientId, accountId }) => ({
      groups: [clientId, accountId].includes('stranger') ? 'strangers' : 'builders',
    }),
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    features: {
      clientCredentials: { enabled: true },
      // Forms that let in whoever says a name.
      devInteractions: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo },
    },
  };
}

/** An issuer at a port of its own, once it listens; `asked`: what it was asked for, in turn. */
export class Issuer {
  asked = [];
  #Provider;
  #server;
  #answer;

  static async start(Provider, { key, cert }, keys) {
    const issuer = new Issuer();
    issuer.#Provider = Provider;
    issuer.#server = createServer({ key, cert }, (asked, answered) => {
      issuer.asked.push(asked.url);
      issuer.#answer(asked, answered);
    });
    await once(issuer.#server.listen(0, '127.0.0.1'), 'listening');
    issuer.sign(keys);
    return issuer;
  }

  get url() {
    return `https://localhost:${this.#server.address().port}`;
  }

  /** From now on it signs with these, and publishes no others. */
  sign(keys) {
    this.#answer = new this.#Provider(this.url, settings(keys)).callback();
  }

  /** An access token, as one of its clients gets it. */
  async token(fetch, client, { resource, scope = `${reads} ${runs}` }) {
    const answer = await fetch(`${this.url}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${client}:${encodeURIComponent(secret)}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope, ...(resource && { resource }) }).toString(),
    });
    const { access_token: token, ...rest } = await answer.json();
    if (token === undefined) throw new Error(`the issuer gave no token: ${JSON.stringify(rest)}`);
    return token;
  }

  secretOf(client) {
    return { clientId: client, clientSecret: secret };
  }
}
