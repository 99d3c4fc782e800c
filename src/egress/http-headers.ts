/** Headers as they came, name and value by turns. */
export type RawHeaders = readonly string[];

/** About one connection, not about the message (RFC 9110, 7.6.1), or about the proxy. */
const ofConnection: ReadonlySet<string> = new Set([
  ...['connection', 'proxy-connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'proxy-status', 'http2-settings'],
]);
/** Where a message ends, and to whom it goes: nobody takes those away by naming them in Connection. */
const essential: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding']);

/** Why a request could be read as two, or for another host; undefined where it can't. */
export function requestProblem(headers: RawHeaders): string | undefined {
  const hosts = valuesOf(headers, 'host');
  const lengths = valuesOf(headers, 'content-length');
  const codings = valuesOf(headers, 'transfer-encoding');
  if (hosts.length > 1) return 'there are two Host headers';
  if (lengths.length > 1 || !lengths.every((length) => /^\d{1,15}$/.test(length))) return 'Content-Length is malformed';
  if (lengths.length > 0 && codings.length > 0) return 'there are both Content-Length and Transfer-Encoding';
  if (!codings.every((coding) => coding.toLowerCase() === 'chunked') || codings.length > 1) {
    return 'Transfer-Encoding is something else than chunked';
  }
  if (namedByConnection(headers).some((name) => essential.has(name)))
    return 'Connection names a header that has to stay';
  return undefined;
}

/** The request as it is sent on: for that host, over a connection of its own. */
export function requestHeaders(headers: RawHeaders, method: string, host: string): string[] {
  const kept = endToEnd(headers, new Set(['host', 'expect']));
  const isChunked = valuesOf(headers, 'transfer-encoding').length > 0;
  const hasLength = valuesOf(headers, 'content-length').length > 0;
  if (isChunked) kept.push('Transfer-Encoding', 'chunked');
  // Else Node would send an empty body in chunks, which not every server takes.
  else if (!hasLength && ['POST', 'PUT', 'PATCH'].includes(method)) kept.push('Content-Length', '0');
  return ['Host', host, ...kept, 'Connection', 'close'];
}

/** The response as it is sent on; undefined for one whose end can't be told as it was. */
export function responseHeaders(headers: RawHeaders): string[] | undefined {
  const codings = valuesOf(headers, 'transfer-encoding');
  if (codings.length > 1 || codings.some((coding) => coding.toLowerCase() !== 'chunked')) return undefined;
  return endToEnd(headers, new Set());
}

/** About what they take on the wire. */
export function sizeOf(headers: RawHeaders): number {
  return headers.reduce((sum, text) => sum + text.length + 2, 0);
}

function endToEnd(headers: RawHeaders, without: ReadonlySet<string>): string[] {
  const named = new Set(namedByConnection(headers));
  return pairs(headers)
    .filter(([name]) => !ofConnection.has(name.toLowerCase()) && !named.has(name.toLowerCase()))
    .filter(([name]) => !without.has(name.toLowerCase()))
    .flat();
}

function namedByConnection(headers: RawHeaders): readonly string[] {
  return valuesOf(headers, 'connection').flatMap((value) => value.split(',').map((name) => name.trim().toLowerCase()));
}

function valuesOf(headers: RawHeaders, wanted: string): readonly string[] {
  return pairs(headers).flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value.trim()] : []));
}

function pairs(headers: RawHeaders): readonly (readonly [string, string])[] {
  return Array.from(
    { length: headers.length / 2 },
    (_, at) => [headers[at * 2] ?? '', headers[at * 2 + 1] ?? ''] as const,
  );
}
