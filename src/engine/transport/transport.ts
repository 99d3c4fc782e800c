import type { Readable } from 'node:stream';
import { Client, type Dispatcher, Pool } from 'undici';
import { EngineError } from '../../core/errors.js';
import { Deadline } from './deadline.js';
import { isLostConnection, statusError, transportError } from './failures.js';

/** Where an engine listens: a Unix socket, or (only if the site's policy allows it) plain HTTP. */
export type Address =
  | { readonly socketPath: string; readonly origin?: undefined }
  | { readonly origin: string; readonly socketPath?: undefined };

export type QueryValue = string | number | boolean;

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Absolute path, already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly json?: unknown;
  /** A plain tar to upload; read once, destroyed when the call ends. */
  readonly tar?: Readable;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Statuses taken for success besides 2xx. */
  readonly accept?: readonly number[];
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** An answer that goes on: the reader must end or destroy `body`, which closes the connection. */
export interface StreamReply {
  readonly body: Readable;
  close(): Promise<void>;
}

const defaultTimeoutMs = 30_000;
/** No answer that we read whole is near this; an engine that sends more is broken or hostile. */
export const maxBodyBytes = 16 * 1024 * 1024;

export function describe(call: { readonly method: string; readonly path: string }): string {
  return `${call.method} ${call.path}`;
}

export function requestPath(path: string, query: Readonly<Record<string, QueryValue>> = {}): string {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) pairs.set(key, String(value));
  return pairs.size === 0 ? path : `${path}?${pairs.toString()}`;
}

/**
 * Calls over kept connections. What is safe to repeat goes over a pool and is repeated once when a kept connection had
 * died. A POST goes over a connection that has just answered a ping, so that it never meets one that the engine closed
 * when idle: it is sent once, or provably not at all. Dispose to close every connection.
 */
export class Transport implements AsyncDisposable {
  readonly #address: Address;
  readonly #pool: Pool;

  constructor(address: Address) {
    this.#address = address;
    this.#pool = new Pool(originOf(address), { ...clientOptions(address), connections: 16 });
  }

  /**
   * One call, its answer read whole (at most `maxBodyBytes`). Throws EngineError: ENGINE_TIMEOUT, INTERRUPTED,
   * ENGINE_UNAVAILABLE, ENGINE_PROTOCOL, or by status ENGINE_NOT_FOUND, ENGINE_CONFLICT, ENGINE_FAILED.
   */
  async call(call: Call): Promise<Reply> {
    const what = describe(call);
    const deadline = new Deadline(call.timeoutMs ?? defaultTimeoutMs, call.signal);
    try {
      const reply =
        call.method === 'POST'
          ? await this.#once(call, deadline)
          : await repeated(() => send(this.#pool, call, deadline), deadline);
      const isFine = (reply.status >= 200 && reply.status < 300) || call.accept?.includes(reply.status) === true;
      if (!isFine) throw statusError(reply.status, reply.body, what);
      return reply;
    } catch (thrown) {
      throw transportError(thrown, what, deadline);
    } finally {
      deadline.clear();
      call.tar?.destroy();
    }
  }

  /** A call whose answer goes on; the deadline covers the time until its headers, the signal all of it. */
  async stream(call: Call): Promise<StreamReply> {
    const what = describe(call);
    const deadline = new Deadline(call.timeoutMs ?? defaultTimeoutMs, call.signal);
    try {
      const client = await this.freshClient(deadline, what);
      try {
        return await openStream(client, call, deadline);
      } catch (thrown) {
        await client.destroy();
        throw thrown;
      }
    } catch (thrown) {
      throw transportError(thrown, what, deadline);
    } finally {
      deadline.clear();
    }
  }

  /** A connection of its own that has just answered a ping. The caller destroys it. */
  async freshClient(deadline: Deadline, what: string): Promise<Client> {
    const client = new Client(originOf(this.#address), clientOptions(this.#address));
    const ping: Call = { method: 'GET', path: '/_ping' };
    try {
      const reply = await repeated(() => send(client, ping, deadline), deadline);
      if (reply.status !== 200) throw statusError(reply.status, reply.body, describe(ping));
      return client;
    } catch (thrown) {
      await client.destroy();
      throw transportError(thrown, what, deadline);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }

  async #once(call: Call, deadline: Deadline): Promise<Reply> {
    const client = await this.freshClient(deadline, describe(call));
    try {
      return await send(client, call, deadline);
    } finally {
      await client.destroy();
    }
  }
}

/** Timeouts are ours, per call; undici's own would end `/events` and a long exec after 300 s. */
function clientOptions(address: Address): Client.Options {
  const socket = address.socketPath === undefined ? {} : { socketPath: address.socketPath };
  return { ...socket, headersTimeout: 0, bodyTimeout: 0, pipelining: 1, maxHeaderSize: 64 * 1024 };
}

function originOf(address: Address): string {
  return address.origin ?? 'http://d';
}

async function repeated<T>(attempt: () => Promise<T>, deadline: Deadline): Promise<T> {
  try {
    return await attempt();
  } catch (thrown) {
    if (deadline.signal.aborted || !isLostConnection(thrown)) throw thrown;
    return await attempt();
  }
}

function wire(call: Call): Dispatcher.RequestOptions {
  const path = requestPath(call.path, call.query);
  if (call.tar) return { method: call.method, path, body: call.tar, headers: { 'content-type': 'application/x-tar' } };
  if (call.json === undefined) return { method: call.method, path };
  return {
    method: call.method,
    path,
    body: JSON.stringify(call.json),
    headers: { 'content-type': 'application/json' },
  };
}

async function send(dispatcher: Dispatcher, call: Call, deadline: Deadline): Promise<Reply> {
  const answer = await dispatcher.request({ ...wire(call), signal: deadline.signal });
  return { status: answer.statusCode, headers: answer.headers, body: await readAll(answer.body) };
}

async function openStream(client: Client, call: Call, deadline: Deadline): Promise<StreamReply> {
  const abort = new AbortController();
  const onAbort = (): void => abort.abort();
  deadline.signal.addEventListener('abort', onAbort, { once: true });
  call.signal?.addEventListener('abort', onAbort, { once: true });
  const release = (): void => call.signal?.removeEventListener('abort', onAbort);
  try {
    if (deadline.signal.aborted) onAbort();
    const answer = await client.request({ ...wire(call), signal: abort.signal });
    if (answer.statusCode !== 200) throw statusError(answer.statusCode, await readAll(answer.body), describe(call));
    const close = (): Promise<void> => {
      release();
      call.tar?.destroy();
      return client.destroy();
    };
    return { body: answer.body, close };
  } catch (thrown) {
    release();
    call.tar?.destroy();
    throw thrown;
  } finally {
    deadline.signal.removeEventListener('abort', onAbort);
  }
}

async function readAll(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > maxBodyBytes) {
      throw new EngineError('ENGINE_PROTOCOL', `the engine's answer is larger than ${maxBodyBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
}
