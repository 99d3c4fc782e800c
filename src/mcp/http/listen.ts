import { lstatSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ConfigError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';
import type { HttpBounds } from './bounds.js';
import { type Endpoint, type Opening, tcpAt } from './endpoint.js';

export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Disposing hangs up on everybody. */
export interface Listening extends AsyncDisposable {
  /** What clients connect to. */
  readonly url: string;
  /** Takes no more connections; those that are there stay. */
  stop(): void;
}

/**
 * Listens with bounds on everything that is read before anybody is known. `listenerFor` is told where it really is, before anybody can have
 * connected, and can refuse it by throwing. Errors: BAD_CONFIG.
 */
export async function listen(
  opening: Opening,
  tls: Tls | undefined,
  bounds: HttpBounds,
  listenerFor: (at: Endpoint) => RequestListener,
): Promise<Listening> {
  const options = {
    maxHeaderSize: bounds.headerBytes,
    headersTimeout: bounds.headersMs,
    requestTimeout: bounds.requestMs,
    connectionsCheckingInterval: Math.min(1000, bounds.headersMs / 2),
    keepAliveTimeout: 5000,
  };
  const server = tls === undefined ? createServer(options) : withTls({ ...options, ...tls }, bounds.headersMs);
  server.maxConnections = bounds.connections;
  // One more than are taken: node leaves out what is beyond, which has to be seen to be refused.
  server.maxHeadersCount = bounds.headers + 1;
  server.timeout = bounds.idleMs;
  const at = await opened(server, opening, (where) => server.on('request', listenerFor(where)));
  return {
    url: urlOf(at, tls),
    stop: () => {
      server.close();
      server.closeIdleConnections();
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function withTls(options: ServerOptions & Tls, handshakeTimeout: number): Server {
  try {
    return createTlsServer({ ...options, minVersion: 'TLSv1.2', handshakeTimeout });
  } catch (cause) {
    const hint = '--tls-cert takes the chain, the own certificate first, and --tls-key the key of that, both PEM.';
    const message = `no TLS with that certificate and key: ${codeOf(cause) ?? ''}`;
    throw new ConfigError('BAD_CONFIG', message, { cause, hint });
  }
}

function urlOf(at: Endpoint, tls: Tls | undefined): string {
  if (at.kind === 'unix') return `unix:${at.path}`;
  const host = at.address.includes(':') ? `[${at.address}]` : at.address;
  return `${tls === undefined ? 'http' : 'https'}://${host}:${at.port}/mcp`;
}

type OnOpen = (at: Endpoint) => void;

async function opened(server: Server, opening: Opening, onOpen: OnOpen): Promise<Endpoint> {
  switch (opening.kind) {
    case 'unix':
      return await atPath(server, opening, onOpen);
    case 'tcp':
      return await started(server, { host: opening.address, port: opening.port }, opening, onOpen);
    case 'inherited':
      // Node tells the address of what listens on the Internet, and none of a socket of this host.
      return await started(server, { fd: opening.fd }, { kind: 'unix', path: 'activation' }, onOpen);
  }
}

async function atPath(server: Server, at: Extract<Endpoint, { kind: 'unix' }>, onOpen: OnOpen): Promise<Endpoint> {
  const { path } = at;
  const { uid, mode } = lstatSync(dirname(path), { throwIfNoEntry: false }) ?? {};
  // Whoever can write to the folder can put a socket of theirs in the place of ours, and is sent the keys.
  if (uid !== process.geteuid?.() || mode === undefined || (mode & 0o022) !== 0) {
    throw new ConfigError('BAD_CONFIG', `${dirname(path)} is not there, not yours, or others can write to it`);
  }
  try {
    await started(server, { path }, at, onOpen);
  } catch (error) {
    if (!(await isLeftOver(path))) throw error;
    rmSync(path);
    await started(server, { path }, at, onOpen);
  }
  await chmod(path, 0o600);
  return at;
}

type Where = { readonly host: string; readonly port: number } | { readonly path: string } | { readonly fd: number };

/** `usual`: where it is, as far as the server does not know better. */
function started(server: Server, where: Where, usual: Endpoint, onOpen: OnOpen): Promise<Endpoint> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => {
      const why = codeOf(cause) ?? cause.message;
      const what =
        'path' in where ? where.path : 'fd' in where ? `descriptor ${where.fd}` : `${where.host}:${where.port}`;
      reject(new ConfigError('BAD_CONFIG', `can not listen on ${what}: ${why}`, { cause }));
    };
    server.once('error', onError);
    server.listen(where, () => {
      server.off('error', onError);
      const actual = server.address();
      const at = typeof actual === 'object' && actual !== null ? tcpAt(actual.address, actual.port) : usual;
      try {
        // Here and not after a wait: from the next turn on connections are taken.
        onOpen(at);
        resolve(at);
      } catch (error) {
        server.close();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

/** A socket of ours that nobody listens on, as a server leaves it that was killed. */
async function isLeftOver(path: string): Promise<boolean> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() !== true || found.uid !== process.geteuid?.()) return false;
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
  });
}
