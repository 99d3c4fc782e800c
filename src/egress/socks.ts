import { refuse } from '../policy/egress/refuse.js';
import { type Client, type EgressContext, timedSignal } from './context.js';
import { OutsideFailure } from './failure.js';
import { farewell } from './farewell.js';
import type { Pin } from './http-proxy.js';
import { greetingOf, requestOf, type SocksRequest, socksReply } from './socks-messages.js';
import { take } from './take.js';
import { runTunnel } from './tunnel.js';

/** 255 bytes of name and what is around it. */
const mostBytes = 512;
const replyOfFailure = {
  unresolved: socksReply.hostUnreachable,
  unreachable: socksReply.hostUnreachable,
  timeout: socksReply.ttlExpired,
  refused: socksReply.refused,
} as const;

/** A SOCKS5 server for connections that are handed to it: CONNECT without authentication, names resolved outside. */
export class SocksProxy {
  readonly #context: EgressContext;
  readonly #servePages: (client: Client, pin: Pin) => Promise<void>;

  constructor(context: EgressContext, servePages: (client: Client, pin: Pin) => Promise<void>) {
    this.#context = context;
    this.#servePages = servePages;
  }

  /** Resolves when the connection is closed. */
  async serve(client: Client): Promise<void> {
    client.connection.on('error', () => undefined);
    try {
      const request = await this.#handshake(client);
      if (request !== undefined) await this.#connect(client, request);
    } finally {
      client.connection.destroy();
    }
  }

  /** Undefined when it has been answered with a refusal. Rejects when it does not come in time. */
  async #handshake(client: Client): Promise<SocksRequest | undefined> {
    const { connection } = client;
    using timed = timedSignal(client.signal, this.#context.times.requestMs, this.#context.clock);
    const limits = { mostBytes, signal: timed.signal };
    const greeting = await take(connection, greetingOf, limits);
    if (greeting !== 'welcome') {
      await this.#refuse(client, greeting === 'no-method' ? 'authentication is asked for' : 'it is not SOCKS5');
      return undefined;
    }
    connection.write(Buffer.from([5, 0]));
    const request = await take(connection, requestOf, limits);
    if (request.kind === 'connect') return request;
    await this.#refuse(client, request.problem, request.reply);
    return undefined;
  }

  async #connect(client: Client, request: SocksRequest): Promise<void> {
    const { door } = this.#context;
    const { connection, signal } = client;
    try {
      const schemes = ['http', 'https', 'tcp'] as const;
      const passage = await door.judge({ host: request.host, port: request.port, via: 'socks', schemes }, signal);
      if (passage.verdict === 'deny') {
        await farewell(client, socksReply.denied, this.#context);
        return;
      }
      const open = () => connection.write(socksReply.granted);
      await runTunnel(client, { passage, open, servePages: this.#servePages }, this.#context);
    } catch (error) {
      if (!(error instanceof OutsideFailure)) throw error;
      await farewell(client, replyOfFailure[error.kind], this.#context);
    }
  }

  async #refuse(client: Client, problem: string, reply: Buffer = Buffer.from([5, 0xff])): Promise<void> {
    this.#context.door.refuse({ host: '', port: 0, via: 'socks' }, refuse('egress.command', problem));
    await farewell(client, reply, this.#context);
  }
}
