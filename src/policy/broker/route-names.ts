/** Names of the routes that there are anyway, and the first part of their paths. */
const taken: readonly string[] = ['anthropic', 'openai', 'google', 'bedrock', 'git'];
const unpassable =
  /^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|cookie|authorization|proxy-.*|x-forwarded-.*|forwarded)$/;
const headerName = /^[a-z0-9-]{1,60}$/;

/** One segment of a path of a route. */
export const routeSegment = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;

/** Whether a route of the site's own may be called that. */
export function isRouteName(text: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(text) && !taken.includes(text);
}

/** Whether a route may pass a request header on; names are in lower case. */
export function isPassable(name: string): boolean {
  return headerName.test(name) && !unpassable.test(name);
}

/** Whether a header may hold a token: any that is not the message's own. */
export function isTokenHeader(name: string): boolean {
  return name === 'authorization' || isPassable(name);
}

/** Whether a path is one of a route: `/v1/thing/*`, where `*` is one segment. */
export function isRoutePath(path: string): boolean {
  return (
    path.startsWith('/') &&
    path
      .slice(1)
      .split('/')
      .every((part) => part === '*' || routeSegment.test(part))
  );
}

/** The variable inside that has the address of a route. */
export function routeVariable(name: string): string {
  return `PADDOCK_BROKER_${name.toUpperCase().replaceAll('-', '_')}`;
}
