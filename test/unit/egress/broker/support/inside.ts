import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import type { Broker } from '../../../../../src/egress/broker/broker.js';

export interface InsideAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly text: string;
}

export interface InsideRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

/** A connection from inside, as the channel gives them to the broker. */
export function connect(broker: Broker): Duplex {
  const [inside, outside] = duplexPair();
  inside.on('error', () => undefined);
  // A pair of Node's does not tell one side that the other was reset; the channel does.
  outside.once('close', () => {
    if (!outside.writableFinished) inside.destroy();
  });
  inside.once('close', () => outside.destroy());
  broker.accept(outside);
  return inside;
}

/** Opens a request and gives the answer's head, with its body still to be read. */
export function open(broker: Broker, wanted: InsideRequest): Promise<IncomingMessage> {
  const connection = connect(broker);
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      method: wanted.method ?? (wanted.body === undefined ? 'GET' : 'POST'),
      path: wanted.path,
      headers: {
        host: '127.0.0.1:61200',
        'content-type': 'application/json',
        ...(wanted.body === undefined ? {} : { 'content-length': Buffer.byteLength(wanted.body) }),
        ...wanted.headers,
      },
      createConnection: () => connection,
    });
    request.on('response', resolve);
    request.on('error', reject);
    request.end(wanted.body);
  });
}

export async function ask(broker: Broker, wanted: InsideRequest): Promise<InsideAnswer> {
  const response = await open(broker, wanted);
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  const { statusCode = 0, headers, rawHeaders } = response;
  return { status: statusCode, headers, rawHeaders, text: Buffer.concat(parts).toString() };
}

/** What comes back for bytes that were written as they are, until the connection ends. */
export async function raw(broker: Broker, text: string): Promise<string> {
  const connection = connect(broker);
  const parts: Buffer[] = [];
  connection.on('data', (part: Buffer) => parts.push(part));
  const over = new Promise<void>((resolve) => {
    connection.once('end', resolve);
    connection.once('close', resolve);
  });
  connection.write(text);
  await over;
  connection.destroy();
  return Buffer.concat(parts).toString();
}
