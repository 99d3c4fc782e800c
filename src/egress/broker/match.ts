import type { RequestTarget } from './request-target.js';
import { BrokerRefused } from './rules.js';
import type { BrokerRoute, Endpoint } from './types.js';

export interface Match {
  readonly route: BrokerRoute;
  readonly endpoint: Endpoint;
  /** Decoded segments below the route's prefix. */
  readonly segments: readonly string[];
  readonly query: RequestTarget['query'];
}

/** The route whose prefix a path has. Throws BrokerRefused (`broker.path`). */
export function findRoute(routes: readonly BrokerRoute[], target: RequestTarget): BrokerRoute {
  const found = routes.find(({ prefix }) => prefix.every((part, index) => target.segments[index] === part));
  if (found !== undefined) return found;
  throw new BrokerRefused('broker.path', `nothing is brokered at ${shown(target.segments)}`);
}

/** What a request asks for. Throws BrokerRefused (`broker.path`, `.method`, `.query`, and an endpoint's own refusal). */
export function matchEndpoint(route: BrokerRoute, method: string | undefined, target: RequestTarget): Match {
  const segments = target.segments.slice(route.prefix.length);
  const there = route.endpoints.filter((one) => isPath(one.path, segments) && takesQuery(one, target.query));
  const endpoint = there.find((one) => one.method === method);
  if (endpoint === undefined) throw notMatched(route, segments, method, target);
  if (endpoint.refusal !== undefined) throw new BrokerRefused(endpoint.refusal, `${shown(segments)} of ${route.id}`);
  return { route, endpoint, segments, query: target.query };
}

function notMatched(
  route: BrokerRoute,
  segments: readonly string[],
  method: string | undefined,
  target: RequestTarget,
): BrokerRefused {
  const samePath = route.endpoints.filter((one) => isPath(one.path, segments));
  if (samePath.length === 0)
    return new BrokerRefused('broker.path', `${shown(segments)} of ${route.id} is not brokered`);
  const sameMethod = samePath.filter((one) => one.method === method);
  if (sameMethod.length === 0) return new BrokerRefused('broker.method', `${method ?? ''} ${shown(segments)}`);
  const names = target.query.map(([name]) => name).join(', ');
  return new BrokerRefused('broker.query', `not with these query parameters, or not with their values: ${names}`);
}

function isPath(pattern: Endpoint['path'], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, index) => {
    const segment = segments[index] ?? '';
    return typeof part === 'string' ? part === segment : part.test(segment);
  });
}

/** Each at most once: of two, who comes after us may take the other. */
function takesQuery(endpoint: Endpoint, query: RequestTarget['query']): boolean {
  const names = query.map(([name]) => name);
  if (new Set(names).size !== names.length) return false;
  if (endpoint.neededQuery?.every((name) => names.includes(name)) === false) return false;
  const known = new Map(Object.entries(endpoint.query ?? {}));
  return query.every(([name, value]) => known.get(name)?.test(value) === true);
}

function shown(segments: readonly string[]): string {
  return `/${segments.join('/')}`;
}
