import { lstatSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ConfigError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';
import type { HttpBounds } from './bounds.js';
import type { Endpoint } from './endpoint.js';

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

/** Listens with bounds on everything that is read before anybody is known. Errors: BAD_CONFIG. */
export async function listen(
  endpoint: Endpoint,
  tls: Tls | undefined,
  bounds: HttpBounds,
  listener: RequestListener,
): Promise<Listening> {
  const options = {
    maxHeaderSize: bounds.headerBytes,
    headersTimeout: bounds.headersMs,
    requestTimeout: bounds.requestMs,
    connectionsCheckingInterval: Math.min(1000, bounds.headersMs / 2),
    keepAliveTimeout: 5000,
  };
  const server =
    tls === undefined
      ? createServer(options, listener)
      : createTlsServer({ ...options, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: bounds.headersMs }, listener);
  server.maxConnections = bounds.connections;
  server.maxHeadersCount = bounds.headers;
  server.timeout = bounds.idleMs;
  const url = endpoint.kind === 'unix' ? await atPath(server, endpoint.path) : await atPort(server, endpoint, tls);
  return {
    url,
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

async function atPort(
  server: Server,
  { address, port }: Extract<Endpoint, { kind: 'tcp' }>,
  tls: Tls | undefined,
): Promise<string> {
  await started(server, { host: address, port });
  const at = server.address();
  const actual = typeof at === 'object' && at !== null ? at.port : port;
  const host = address.includes(':') ? `[${address}]` : address;
  return `${tls === undefined ? 'http' : 'https'}://${host}:${actual}/mcp`;
}

async function atPath(server: Server, path: string): Promise<string> {
  const { uid, mode } = lstatSync(dirname(path), { throwIfNoEntry: false }) ?? {};
  // Whoever can write to the folder can put a socket of theirs in the place of ours, and is sent the keys.
  if (uid !== process.geteuid?.() || mode === undefined || (mode & 0o022) !== 0) {
    throw new ConfigError('BAD_CONFIG', `${dirname(path)} is not there, not yours, or others can write to it`);
  }
  try {
    await started(server, { path });
  } catch (error) {
    if (!(await isLeftOver(path))) throw error;
    rmSync(path);
    await started(server, { path });
  }
  await chmod(path, 0o600);
  return `unix:${path}`;
}

function started(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => {
      const why = codeOf(cause) ?? cause.message;
      const what = 'path' in where ? where.path : `${where.host}:${where.port}`;
      reject(new ConfigError('BAD_CONFIG', `can not listen on ${what}: ${why}`, { cause }));
    };
    server.once('error', onError);
    server.listen(where, () => {
      server.off('error', onError);
      resolve();
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
