import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { withPort } from '../policy/egress/host.js';
import { breakOff } from './carry.js';
import type { Client, EgressContext } from './context.js';
import type { Passage } from './door.js';
import { OutsideFailure } from './failure.js';
import { requestHeaders, responseHeaders, sizeOf } from './http-headers.js';
import { type Meter, pay, pump } from './pump.js';

/** One request and its response, over a connection that serves nothing else. */
export interface Page {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly passage: Passage;
  readonly path: string;
}

/**
 * Sends a request on and its response back. Rejects with OutsideFailure while nothing has been sent back yet; later, and when the session
 * has no bytes left, the client's connection has to be broken off by whoever called.
 */
export async function fetchPage(page: Page, context: EgressContext, client: Client): Promise<void> {
  const { request, response, path } = page;
  const { signal, moved } = client;
  const meter = { budget: context.budget, clock: context.clock, moved, signal };
  const socket = await context.door.dial(page.passage, signal);
  const stop = () => breakOff(socket);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const method = request.method ?? 'GET';
    const { host, port } = page.passage.target;
    const headers = requestHeaders(request.rawHeaders, method, withPort(host, port).replace(/:80$/, ''));
    await pay(meter, 'out', sizeOf(headers) + method.length + path.length);
    const outgoing = sendRequest(socket, { method, path, headers });
    const answered = answerOf(outgoing);
    answered.catch(() => undefined);
    if (request.headers.expect !== undefined) response.writeContinue();
    const sent = pump(request, outgoing, 'out', meter);
    // Whoever breaks off a request body gets no answer either; the answer itself may come before the body has been read.
    sent.catch(() => outgoing.destroy());
    const incoming = await answered;
    await sendBack(incoming, response, meter);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

function sendRequest(
  socket: Duplex,
  { method, path, headers }: { readonly method: string; readonly path: string; readonly headers: string[] },
): ReturnType<typeof httpRequest> {
  try {
    return httpRequest({
      createConnection: () => socket,
      method,
      path,
      headers,
      setHost: false,
      insecureHTTPParser: false,
    });
  } catch {
    throw new OutsideFailure('unreachable', 'the request can not be sent on as it is');
  }
}

function answerOf(outgoing: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new OutsideFailure('unreachable', 'the server broke off before it answered'));
    outgoing.once('response', resolve).on('error', gone).once('close', gone);
  });
}

async function sendBack(incoming: IncomingMessage, response: ServerResponse, meter: Meter): Promise<void> {
  const headers = responseHeaders(incoming.rawHeaders);
  if (headers === undefined)
    throw new OutsideFailure('unreachable', 'the server answered in a coding that is not known');
  await pay(meter, 'in', sizeOf(headers));
  response.sendDate = false;
  response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, headers);
  response.flushHeaders();
  await pump(incoming, response, 'in', meter);
  if (!response.writableFinished)
    await new Promise<void>((resolve) => response.once('finish', resolve).once('close', resolve));
}
