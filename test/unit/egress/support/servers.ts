import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type Listening, listenOn } from './rig.js';

export interface Page extends AsyncDisposable {
  readonly port: number;
  readonly requests: IncomingMessage[];
  readonly bodies: string[];
}

/** Remembers what it is asked for; answers `hello PATH` unless told otherwise. */
export async function openPages(answer?: RequestListener): Promise<Page> {
  const [requests, bodies]: [IncomingMessage[], string[]] = [[], []];
  const server = createServer((request, response) => {
    requests.push(request);
    if (answer) {
      answer(request, response);
      return;
    }
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      bodies.push(Buffer.concat(parts).toString());
      response.end(`hello ${request.url}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...{ port: (server.address() as AddressInfo).port, requests, bodies },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends back what it gets, and ends when that ends. */
export function openEcho(host?: string): Promise<Listening> {
  return listenOn(0, (socket) => socket.pipe(socket), host);
}

/** TLS by a shared key: real handshakes without a certificate. */
const shared = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
const key = Buffer.from('00112233445566778899aabbccddeeff', 'hex');

export interface TlsEcho extends AsyncDisposable {
  readonly port: number;
  /** Names that clients asked for; '' for none. */
  readonly named: string[];
}

export async function openTlsEcho(): Promise<TlsEcho> {
  const named: string[] = [];
  const server = createTlsServer({ ...shared, pskCallback: () => key }, (socket) => {
    named.push(typeof socket.servername === 'string' ? socket.servername : '');
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...{ port: (server.address() as AddressInfo).port, named },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A handshake over an open tunnel; rejects with the error's code. */
export function tlsOver(socket: Socket, serverName?: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const pskCallback = () => ({ psk: key, identity: 'test' });
    const options = { ...shared, socket, pskCallback, checkServerIdentity: () => undefined };
    const tls = tlsConnect(serverName === undefined ? options : { ...options, servername: serverName }, () =>
      resolve(tls),
    );
    tls.once('error', reject);
  });
}
