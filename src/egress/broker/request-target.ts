import { BrokerRefused } from './rules.js';

/** Where a request goes: decoded segments, so that there is one spelling of each, and its query. */
export interface RequestTarget {
  readonly segments: readonly string[];
  readonly query: readonly (readonly [name: string, value: string])[];
}

const mostChars = 4096;
// RFC 3986's characters of a path and a query. Backslashes, spaces and bytes beyond ASCII are how servers come to disagree.
const pathForm = /^(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+$/;
const queryForm = /^(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$/;

/**
 * Reads the target of a request from inside. Only the origin form is taken; a path with an empty segment, `.` or `..` in any
 * spelling, or an encoded control character is refused (`broker.request`) and never put right, since whoever comes after us
 * may put it right differently. An encoded slash stays inside its segment, where only a pattern that names it lets it through.
 */
export function parseTarget(raw: string): RequestTarget {
  if (raw.length > mostChars) throw new BrokerRefused('broker.request', 'the URL is too long');
  if (!raw.startsWith('/')) throw new BrokerRefused('broker.request', 'only requests to the broker itself are taken');
  const at = raw.indexOf('?');
  const path = at === -1 ? raw : raw.slice(0, at);
  if (!pathForm.test(path)) throw new BrokerRefused('broker.request', 'the path holds characters that no path has');
  const segments = path.slice(1).split('/').map(decode);
  if (segments.some((segment) => segment.split(/[/\\]/).some(leadsElsewhere))) {
    throw new BrokerRefused('broker.request', 'the path holds an empty segment, `.` or `..`');
  }
  return { segments, query: at === -1 ? [] : parseQuery(raw.slice(at + 1)) };
}

function leadsElsewhere(part: string): boolean {
  return part === '' || part === '.' || part === '..';
}

function parseQuery(text: string): RequestTarget['query'] {
  if (!queryForm.test(text)) throw new BrokerRefused('broker.request', 'the query holds characters that no query has');
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      return at === -1 ? [decode(pair), ''] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
    });
}

function decode(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch (cause) {
    throw new BrokerRefused('broker.request', 'the URL holds an encoding that is no UTF-8', { cause });
  }
  if (/\p{Cc}/u.test(decoded)) throw new BrokerRefused('broker.request', 'the URL holds a control character');
  return decoded;
}

/**
 * The path as it goes on: every segment encoded anew. Google knows a verb by its colon only where that is in clear; AWS's own clients
 * encode it.
 */
export function encodePath(segments: readonly string[], colons: 'clear' | 'encoded'): string {
  const path = segments.map((segment) => `/${encodeStrictly(segment)}`).join('');
  return colons === 'clear' ? path.replaceAll('%3A', ':') : path;
}

export function encodeQuery(query: RequestTarget['query']): string {
  if (query.length === 0) return '';
  return `?${query.map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`).join('&')}`;
}

/** All but RFC 3986's unreserved characters, which is also what AWS signs. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
