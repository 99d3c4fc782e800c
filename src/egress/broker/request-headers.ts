import type { IncomingMessage } from 'node:http';
import { BrokerRefused } from './rules.js';
import type { Endpoint } from './types.js';

/**
 * What goes on of a request from inside: a list of what may, not of what may not, so that a header by which a provider begins to take
 * credentials, to bill somebody else or to fetch from elsewhere is left behind before anyone here has heard of it.
 */
const passed: readonly string[] = ['accept', 'content-type', 'user-agent'];

/** Of these, two would leave it to the reader which one counts. */
const onceOnly: readonly string[] = ['host', 'content-length', 'transfer-encoding', 'content-type', 'content-encoding'];
const hosts = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

/** Refuses what is not one plain request to the broker (`broker.request`). Node's own parser has refused the rest. */
export function checkRequest(request: IncomingMessage, endpoint: Endpoint): void {
  const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  for (const name of onceOnly) {
    if (names.filter((one) => one === name).length > 1) throw refused(`the header ${name} stands there twice`);
  }
  if (!hosts.test(request.headers.host ?? '')) throw refused('the Host header names something else than the broker');
  const coding = request.headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') throw refused('only the chunked coding is taken');
  if (coding !== undefined && request.headers['content-length'] !== undefined) {
    throw refused('the body has two lengths');
  }
  const hasBody = coding !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (endpoint.body === 'none' && hasBody) throw refused('the request has a body where there is none');
}

/** The headers that go on, without any that authenticates. `further`: those of the route. */
export function passedHeaders(request: IncomingMessage, further: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of [...passed, ...further]) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  // Compressed answers could be neither counted nor searched for the key.
  headers['accept-encoding'] = 'identity';
  return headers;
}

function refused(detail: string): BrokerRefused {
  return new BrokerRefused('broker.request', detail);
}
