import { ConfigError } from '../../../core/errors.js';
import type { RouteCall } from '../../../core/site-policy.js';
import {
  isPassable,
  isRouteName,
  isRoutePath,
  isTokenHeader,
  routeSegment,
} from '../../../policy/broker/route-names.js';
import { type HeaderKey, headerKey } from '../credentials/header.js';
import type { BrokerRoute, Endpoint } from '../types.js';

export interface CustomRoute {
  /** Names it, and is its prefix: `/ID/…`. */
  readonly id: string;
  readonly upstream: URL;
  /** Headers that hold the key. */
  readonly keys: readonly [HeaderKey, ...HeaderKey[]];
  /** What may be asked: `*` stands for one segment of letters, digits, `.`, `-`, `_`. No query goes on. */
  readonly allow: readonly RouteCall[];
  /** Request headers that go on besides the usual ones. */
  readonly headers?: readonly string[];
  readonly ca?: string | undefined;
}

/** A route of the site's own. Bodies go on as they are: nobody here knows what they mean. Throws BAD_CONFIG. */
export function customRoute(wanted: CustomRoute): BrokerRoute {
  const { id, upstream, keys, allow, headers = [], ca } = wanted;
  if (!isRouteName(id)) throw bad(`${id} can not be the name of a route`);
  const odd = headers.find((name) => !isPassable(name));
  if (odd !== undefined) throw bad(`the header ${odd} can not be passed on`);
  const own = keys.find(({ name }) => !isTokenHeader(name));
  if (own !== undefined) throw bad(`the header ${own.name} can not hold a token`);
  return {
    ...{ id, prefix: [id], upstream, headers, ca },
    endpoints: allow.map(({ method, path }) => endpoint(method, path)),
    authenticate: headerKey(...keys),
    serverTools: [],
    refusals: 'json',
  };
}

function endpoint(method: Endpoint['method'], path: string): Endpoint {
  if (!isRoutePath(path)) throw bad(`${path} is no path of a route: /v1/thing/*`);
  const parts = path.slice(1).split('/');
  const pattern = parts.map((part) => (part === '*' ? routeSegment : part));
  const body = method === 'GET' || method === 'DELETE' ? 'none' : 'stream';
  return { method, path: pattern, body, ...(method !== 'GET' && { writes: true }) };
}

function bad(what: string): ConfigError {
  return new ConfigError('BAD_CONFIG', what);
}
