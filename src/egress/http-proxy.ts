import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Host } from '../policy/egress/host.js';
import { readHost } from '../policy/egress/host.js';
import { refuse } from '../policy/egress/refuse.js';
import { OutOfBytes } from './budget.js';
import { untilClosed } from './carry.js';
import type { Client, EgressContext } from './context.js';
import { OutsideFailure } from './failure.js';
import { farewell } from './farewell.js';
import { requestProblem } from './http-headers.js';
import { type HttpTarget, proxiedTarget, readAuthority, tunnelledTarget } from './http-target.js';
import { answerHeaders, answerText, denialAnswer, failureAnswer, type PlainAnswer } from './http-text.js';
import { fetchPage } from './page.js';
import { refuseSpent, runTunnel } from './tunnel.js';
import { WaitingRequest } from './waiting-request.js';

/** The one host that the plain requests of a tunnel may name. */
export interface Pin {
  readonly host: Host;
  readonly port: number;
}

interface Served {
  readonly client: Client;
  readonly pin: Pin | undefined;
  readonly waiting: WaitingRequest;
  /** Requests that came before the answer to the one before them are answered in turn. */
  last: Promise<void>;
  unanswered: number;
  /** Of the tunnel that the connection has become. */
  tunnel: Promise<void> | undefined;
}

const mostUnanswered = 32;
const mostHeaderBytes = 16 * 1024;

/**
 * An HTTP proxy for connections that are handed to it: CONNECT, and requests with an absolute http:// URL. Node's parser reads them, and
 * what goes on to a server is written anew from what it read, so that nobody else reads anything else in it.
 */
export class HttpProxy {
  readonly #context: EgressContext;
  readonly #served = new WeakMap<object, Served>();
  readonly #server: Server;

  constructor(context: EgressContext) {
    this.#context = context;
    // It never listens.
    this.#server = createServer({ maxHeaderSize: mostHeaderBytes, insecureHTTPParser: false, requireHostHeader: true });
    const onRequest = (request: IncomingMessage, response: ServerResponse) => this.#onRequest(request, response);
    this.#server.on('request', onRequest);
    // Else the client would be told to go on before anything is decided.
    this.#server.on('checkContinue', onRequest);
    this.#server.on('connect', (request, socket, head) => this.#onConnect(request, socket, head));
    this.#server.on('clientError', (error, socket) => this.#onMalformed(error, socket));
  }

  /** Resolves when the connection is closed. */
  async serve(client: Client, pin?: Pin): Promise<void> {
    const { connection } = client;
    const waiting = new WaitingRequest(client, this.#context);
    const served: Served = { client, pin, waiting, last: Promise.resolve(), unanswered: 0, tunnel: undefined };
    this.#served.set(connection, served);
    connection.on('error', () => undefined);
    waiting.begin();
    this.#server.emit('connection', connection);
    await untilClosed(connection);
    await served.last;
    await served.tunnel;
    // The last answer that breaks off begins to wait for the next request.
    waiting.end();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const served = this.#served.get(request.socket);
    if (served === undefined || served.unanswered >= mostUnanswered) {
      request.socket.destroy();
      return;
    }
    served.waiting.end();
    served.unanswered += 1;
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    served.last = served.last.then(async () => {
      if (served.client.signal.aborted) return;
      await this.#answer(served, request, response);
      served.unanswered -= 1;
      // Node ends such a connection, and would leave it to the client when it is closed.
      if (!response.shouldKeepAlive) await farewell(served.client, undefined, this.#context);
      else if (served.unanswered === 0) served.waiting.begin();
    });
  }

  /** Never rejects. */
  async #answer(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#page(served, request, response);
    } catch (error) {
      if (error instanceof OutsideFailure && !response.headersSent) respond(request, response, failureAnswer(error));
      else served.client.connection.destroy();
    }
  }

  async #page({ client, pin }: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { door } = this.#context;
    const via = pin === undefined ? 'http' : 'connect';
    const { target, problem } = targetOf(request, pin);
    const shown = { host: target?.host ?? '', port: target?.port ?? 0, via } as const;
    if (problem !== undefined) {
      const denied = door.refuse(shown, refuse('egress.request', problem));
      respond(request, response, denialAnswer(denied, shown));
      return;
    }
    const passage = await door.judge({ ...target, via, schemes: ['http'] }, client.signal);
    if (passage.verdict === 'deny') {
      respond(request, response, denialAnswer(passage, target));
      return;
    }
    try {
      await fetchPage({ request, response, passage, path: target.path }, this.#context, client);
    } catch (error) {
      if (error instanceof OutOfBytes) refuseSpent(passage, this.#context);
      throw error;
    }
  }

  #onConnect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const served = this.#served.get(socket);
    // In a tunnel there is none, and an answer that is still to come would get into the tunnel.
    if (served === undefined || served.pin !== undefined || served.unanswered > 0) {
      socket.destroy();
      return;
    }
    served.waiting.end();
    // What came with the request belongs to the tunnel.
    if (head.length > 0) socket.unshift(head);
    served.tunnel = this.#tunnel(served.client, request).catch(() => {
      socket.destroy();
    });
  }

  async #tunnel(client: Client, request: IncomingMessage): Promise<void> {
    const { door } = this.#context;
    const place = readAuthority(request.url ?? '');
    const target = { host: place?.host ?? request.url ?? '', port: place?.port ?? 0, via: 'connect' } as const;
    if (place === undefined) {
      const denied = door.refuse(target, refuse('egress.request', 'CONNECT wants HOST:PORT'));
      await farewell(client, answerText(denialAnswer(denied, target)), this.#context);
      return;
    }
    try {
      const passage = await door.judge({ ...target, schemes: ['http', 'https', 'tcp'] }, client.signal);
      if (passage.verdict === 'deny') {
        await farewell(client, answerText(denialAnswer(passage, target)), this.#context);
        return;
      }
      const open = () => client.connection.write('HTTP/1.1 200 Connection established\r\n\r\n');
      await runTunnel(client, { passage, open, servePages: (one, pin) => this.serve(one, pin) }, this.#context);
    } catch (error) {
      if (!(error instanceof OutsideFailure)) throw error;
      await farewell(client, answerText(failureAnswer(error)), this.#context);
    }
  }

  #onMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
    const served = this.#served.get(socket);
    if (served === undefined || socket.destroyed || error.code?.startsWith('HPE_') !== true || served.unanswered > 0) {
      socket.destroy();
      return;
    }
    served.waiting.end();
    const target = { host: served.pin?.host.text ?? '', port: served.pin?.port ?? 0, via: 'http' } as const;
    const denied = this.#context.door.refuse(target, refuse('egress.request', `it is no HTTP request (${error.code})`));
    served.tunnel = farewell(served.client, answerText(denialAnswer(denied, target)), this.#context);
  }
}

type Read =
  | { readonly target: HttpTarget; readonly problem?: undefined }
  | { readonly target?: HttpTarget; readonly problem: string };

function targetOf(request: IncomingMessage, pin: Pin | undefined): Read {
  const malformed = requestProblem(request.rawHeaders);
  if (malformed !== undefined) return { problem: malformed };
  const url = request.url ?? '';
  const read = pin === undefined ? proxiedTarget(url) : tunnelledTarget(url, request.headers.host, pin.port);
  if ('problem' in read || pin === undefined) return read;
  const host = readHost(read.target.host);
  if ('host' in host && host.host.text === pin.host.text && read.target.port === pin.port) return read;
  return { target: read.target, problem: `the tunnel was opened for ${pin.host.text}` };
}

function respond(request: IncomingMessage, response: ServerResponse, answer: PlainAnswer): void {
  // A body that nobody has read would be read as the next request, and what follows a malformed one could be anything.
  if (!request.complete || answer.status === 400) response.shouldKeepAlive = false;
  request.resume();
  response.writeHead(answer.status, answerHeaders(answer));
  response.end(answer.body);
}
