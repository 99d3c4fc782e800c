import { isIPv4, isIPv6 } from 'node:net';
import { ConfigError } from '../../core/errors.js';

/** Where to listen. */
export type Endpoint =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number; readonly isLoopback: boolean }
  | { readonly kind: 'unix'; readonly path: string };

/** What is to be listened on: a place, or a socket that listens already and says by itself where. */
export type Opening = Endpoint | { readonly kind: 'inherited'; readonly fd: number };

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` or `unix:/path`; port 0 is any free one. Errors: BAD_CONFIG. */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!path.startsWith('/') || Buffer.byteLength(path) > 107) {
      throw bad('a socket has an absolute path of at most 107 bytes: unix:/run/user/1000/paddock/mcp.sock');
    }
    return { kind: 'unix', path };
  }
  const [, host = '', portText = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const address = host === 'localhost' ? '127.0.0.1' : host.replace(/^\[(.+)\]$/, '$1');
  const port = Number(portText);
  if (portText === '' || port > 65_535 || !(isIPv4(address) || isIPv6(address))) {
    throw bad(`give ADDRESS:PORT or unix:PATH, such as 127.0.0.1:8484, not ${JSON.stringify(text.slice(0, 100))}`);
  }
  return tcpAt(address, port);
}

/** An address as numbers, without brackets. */
export function tcpAt(address: string, port: number): Extract<Endpoint, { kind: 'tcp' }> {
  return { kind: 'tcp', address, port, isLoopback: address === '::1' || /^127\./.test(address) };
}

export interface Exposure {
  readonly hasTls: boolean;
  readonly isBehindProxy: boolean;
  /** Names that clients know the server by, besides those of this host for itself. */
  readonly hosts: readonly string[];
}

/**
 * Whether it may be listened there. A key that goes over a network in the clear is everybody's, so that off this host TLS is needed, or
 * somebody's word that a proxy does it. Errors: BAD_CONFIG.
 */
export function checkExposure(endpoint: Endpoint, { hasTls, isBehindProxy, hosts }: Exposure): void {
  if (endpoint.kind === 'unix') {
    if (hasTls) throw bad('TLS is not spoken on a socket of this host');
    return;
  }
  if (endpoint.isLoopback) return;
  if (!hasTls && !isBehindProxy) {
    throw bad(
      `${endpoint.address} can be reached from elsewhere, and keys would go there in the clear: give --tls-cert and --tls-key, or say --behind-proxy where one in front speaks TLS`,
    );
  }
  if (hosts.length === 0) throw bad('say by which name clients know the server: --host-name NAME');
}

/** The names that are right in a Host header, as far as they are known before a socket that was handed over has said where it is. */
export function hostsOf(opening: Opening, names: readonly string[]): ReadonlySet<string> {
  const isHere = opening.kind === 'unix' || (opening.kind === 'tcp' && opening.isLoopback);
  const own = isHere ? ['localhost', '127.0.0.1', '[::1]'] : [];
  const bound = isHere && opening.kind === 'tcp' && isIPv4(opening.address) ? [opening.address] : [];
  return new Set([...own, ...bound, ...names.map((name) => name.toLowerCase())]);
}

function bad(message: string): ConfigError {
  return new ConfigError('BAD_CONFIG', message, { hint: 'docs/http.md says how a server is set up for others.' });
}
