/** Whom a request is for, as it was written; nothing is normalised here. */
export interface HttpTarget {
  readonly host: string;
  readonly port: number;
  /** As it was sent, with the query; begins with `/`. */
  readonly path: string;
}

type TargetReading = { readonly target: HttpTarget } | { readonly problem: string };

/** No user, and no `:` but before the port, so that nobody finds another host in it. */
const authority = /^(\[[^[\]@]*\]|[^[\]:@/?#\\]*)(?::(\d{1,5}))?$/;
const absolute = /^http:\/\/([^/?#]*)([/?].*)?$/i;

/** `host:port`, with brackets round IPv6. Without a port the usual one, if there is one. */
export function readAuthority(text: string, usualPort?: number): { host: string; port: number } | undefined {
  const [, host = '', digits] = authority.exec(text) ?? [];
  const port = digits === undefined ? usualPort : Number(digits);
  return host === '' || port === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** The target of a request to a proxy: an absolute URL with http. Not by the class URL, which makes addresses of odd numbers. */
export function proxiedTarget(url: string): TargetReading {
  if (/^https:/i.test(url)) return { problem: 'a page by https wants CONNECT' };
  const [, place, rest = '/'] = absolute.exec(url) ?? [];
  const named = place === undefined ? undefined : readAuthority(place, 80);
  if (named === undefined) return { problem: 'this is a proxy: the request has to name an http:// URL' };
  if (rest.includes('#')) return { problem: 'the URL has a fragment' };
  return { target: { ...named, path: rest.startsWith('/') ? rest : `/${rest}` } };
}

/** The target of a request in a tunnel: a path, and the Host it was opened for, without which the tunnel would lead anywhere. */
export function tunnelledTarget(url: string, hostHeader: string | undefined, tunnelPort: number): TargetReading {
  if (/^http:/i.test(url)) return proxiedTarget(url);
  const named = readAuthority(hostHeader ?? '', tunnelPort);
  if (!url.startsWith('/') || url.includes('#')) return { problem: 'the request names no path' };
  if (named === undefined) return { problem: 'the Host header is malformed' };
  return { target: { ...named, path: url } };
}
