import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { PaddockError } from '../core/errors.js';
import type { MetricsAddress } from './address.js';
import { answerMetrics, end, isMeantForLoopback, type Shown } from './handler.js';

/** Readers come every few seconds, one or two of them. */
const limits = { connections: 8, headBytes: 8 * 1024, headMs: 5000, wholeMs: 10_000, headers: 32 } as const;

export interface MetricsListener extends AsyncDisposable {
  /** As it can be read: with the port that was found where 0 was asked for. */
  readonly address: string;
}

/**
 * Serves metrics at a place of their own until it is disposed. A Unix socket is its owner's alone (0600); one that nobody answers at is
 * replaced. Errors: BAD_ARGUMENT where nothing can be served there.
 */
export async function listenForMetrics(address: MetricsAddress, shown: Shown): Promise<MetricsListener> {
  if ('path' in address) await removeLeftSocket(address.path);
  const server = createServer({
    ...{ maxHeaderSize: limits.headBytes, headersTimeout: limits.headMs, requestTimeout: limits.wholeMs },
    ...{ connectionsCheckingInterval: 1000, insecureHTTPParser: false, requireHostHeader: true },
  });
  server.maxConnections = limits.connections;
  server.maxHeadersCount = limits.headers;
  server.setTimeout(limits.wholeMs, (socket) => socket.destroy());
  const isSocket = 'path' in address;
  server.on('request', (request, response) => {
    if (isSocket || isMeantForLoopback(request)) void answerMetrics(shown, request, response);
    else end(response, 421, 'this is not that host\n');
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  await listen(server, address);
  // The process is not there for the sake of its metrics.
  server.unref();
  return { address: addressOf(server, address), [Symbol.asyncDispose]: () => close(server) };
}

async function listen(server: Server, address: MetricsAddress): Promise<void> {
  // The socket's mode from its first moment on: it is made within this call.
  const before = 'path' in address ? process.umask(0o177) : undefined;
  try {
    const listening = new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
    server.listen('path' in address ? { path: address.path } : { ...address, exclusive: true });
    if (before !== undefined) process.umask(before);
    await listening;
    if ('path' in address) chmodSync(address.path, 0o600);
  } catch (cause) {
    if (before !== undefined) process.umask(before);
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new PaddockError('BAD_ARGUMENT', `metrics can't be served there (${code})`, {
      cause,
      hint: 'See that the folder is there and yours, and that no other server uses the place; each needs one of its own.',
    });
  }
}

/** What another process listens at stays: two would take each other's readers. */
async function removeLeftSocket(path: string): Promise<void> {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isSocket() || status.uid !== process.geteuid?.()) throw taken(path, 'is there already');
  const isAnswered = await new Promise<boolean>((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.destroy());
  });
  if (isAnswered) throw taken(path, 'is another process’s');
  rmSync(path, { force: true });
}

function taken(path: string, how: string): PaddockError {
  return new PaddockError('BAD_ARGUMENT', `${path} ${how}`, { hint: 'Give each server a socket of its own.' });
}

function addressOf(server: Server, address: MetricsAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}/metrics`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}
