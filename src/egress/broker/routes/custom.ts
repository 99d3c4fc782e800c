import { ConfigError } from '../../../core/errors.js';
import { type HeaderKey, headerKey } from '../credentials/header.js';
import type { BrokerRoute, Endpoint } from '../types.js';

export interface CustomRoute {
  /** Names it, and is its prefix: `/ID/…`. */
  readonly id: string;
  readonly upstream: URL;
  /** Headers that hold the key. */
  readonly keys: readonly [HeaderKey, ...HeaderKey[]];
  /** What may be asked: `*` stands for one segment of letters, digits, `.`, `-`, `_`. No query goes on. */
  readonly allow: readonly { readonly method: 'GET' | 'POST'; readonly path: string }[];
  /** Request headers that go on besides the usual ones. */
  readonly headers?: readonly string[];
}

const taken: readonly string[] = ['anthropic', 'openai', 'google', 'bedrock', 'git'];
const segment = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;
const never =
  /^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|cookie|authorization|proxy-.*|x-forwarded-.*|forwarded)$/;

/** A route of the site's own. Bodies go on as they are: nobody here knows what they mean. Throws BAD_CONFIG. */
export function customRoute(wanted: CustomRoute): BrokerRoute {
  const { id, upstream, keys, allow, headers = [] } = wanted;
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(id) || taken.includes(id)) throw bad(`${id} can not be the name of a rule`);
  const odd = headers.find((name) => !/^[a-z0-9-]{1,60}$/.test(name) || never.test(name));
  if (odd !== undefined) throw bad(`the header ${odd} can not be passed on`);
  return {
    ...{ id, prefix: [id], upstream, headers },
    endpoints: allow.map(({ method, path }) => endpoint(method, path)),
    authenticate: headerKey(...keys),
    serverTools: [],
    refusals: 'json',
  };
}

function endpoint(method: Endpoint['method'], path: string): Endpoint {
  const parts = path.slice(1).split('/');
  if (!path.startsWith('/') || !parts.every((part) => part === '*' || segment.test(part))) {
    throw bad(`${path} is no path of a rule: /v1/thing/*`);
  }
  const pattern = parts.map((part) => (part === '*' ? segment : part));
  return { method, path: pattern, body: method === 'GET' ? 'none' : 'stream' };
}

function bad(what: string): ConfigError {
  return new ConfigError('BAD_CONFIG', what);
}
