import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../kit/clock.js';
import { codeOf } from '../../kit/error-code.js';
import { refuse, refuseRaw } from './answer.js';
import { Carried } from './carried.js';
import { Connections } from './connections.js';
import { type BrokerUse, type ExchangeHost, exchange } from './exchange.js';
import { type BrokerCaps, type BrokerUsage, Ledger } from './ledger.js';
import { type BrokerLimits, defaultLimits } from './limits.js';
import { findRoute, matchEndpoint } from './match.js';
import { builtInPrices, type Prices } from './prices.js';
import { checkRequest } from './request-headers.js';
import { parseTarget } from './request-target.js';
import { BrokerRefused } from './rules.js';
import type { Spending } from './spending.js';
import type { BrokerRoute } from './types.js';
import { Upstreams, type UpstreamTls } from './upstreams.js';

/** Where the broker is inside, on 127.0.0.1. */
export const brokerPort = 61_200;

/** A request from inside that was not let through, or could not be carried out; in the form in which denied connections are told. */
export interface BrokerRefusal {
  readonly ruleId: string;
  readonly route: string | undefined;
  /** The provider; empty where the request named none. */
  readonly host: string;
  readonly port: number;
  readonly via: 'broker';
  readonly reason: string;
  readonly hint: string;
  readonly atMs: number;
  readonly count: 1;
}

export interface BrokerOptions {
  readonly routes: readonly BrokerRoute[];
  readonly clock: Clock;
  readonly caps?: BrokerCaps;
  /** Counted on from here, for the caps alone; `usage` is of this process. */
  readonly spending?: Spending | undefined;
  /** Over the built-in ones. */
  readonly prices?: Prices;
  readonly limits?: Partial<BrokerLimits>;
  readonly tls?: UpstreamTls;
  /** The port inside, for the places. */
  readonly port?: number;
  /** Neither may throw. */
  readonly onUse?: (use: BrokerUse) => void;
  readonly onRefusal?: (refusal: BrokerRefusal) => void;
}

/**
 * The credential broker of one session: an HTTP server that listens nowhere and is given connections from inside. It passes what its routes
 * name, puts the real key on it, and answers everything else with the rule that refused it; where it can not tell, it refuses.
 * Keys are in this process only. Disposing ends all connections and all requests to providers.
 */
export interface Broker extends AsyncDisposable {
  /** Takes over a connection from inside, and ends it. Never throws. */
  accept(connection: Duplex): void;
  /** Adds routes; one whose id is there already stays as it is. */
  add(routes: readonly BrokerRoute[]): void;
  /** Base URLs inside, by the id of the route. */
  readonly places: Readonly<Record<string, string>>;
  usage(): BrokerUsage;
}

export function openBroker(options: BrokerOptions): Broker {
  return new HttpBroker(options);
}

class HttpBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #host: ExchangeHost;
  readonly #closing = new AbortController();
  #routes: readonly BrokerRoute[];
  #underWay = 0;

  constructor(options: BrokerOptions) {
    const { routes, clock, spending } = options;
    const limits = { ...defaultLimits, ...options.limits };
    this.#options = options;
    this.#limits = limits;
    this.#routes = routes;
    this.#connections = new Connections(limits);
    this.#host = {
      upstreams: new Upstreams(limits, options.tls),
      ledger: new Ledger(options.caps ?? {}, { ...builtInPrices, ...options.prices }, spending),
      carried: new Carried(options.caps?.bytes, spending),
      ...{ limits, held: { bytes: 0 }, clock, onUse: options.onUse ?? (() => undefined) },
    };
    this.#server = this.#newServer();
  }

  get places(): Readonly<Record<string, string>> {
    const { port = brokerPort } = this.#options;
    return Object.fromEntries(
      this.#routes.map(({ id, prefix }) => [id, `http://127.0.0.1:${port}/${prefix.join('/')}`]),
    );
  }

  add(routes: readonly BrokerRoute[]): void {
    const added = routes.filter(({ id }) => !this.#routes.some((one) => one.id === id));
    this.#routes = [...this.#routes, ...added];
  }

  accept(connection: Duplex): void {
    if (this.#closing.signal.aborted || !this.#connections.add(connection)) connection.destroy();
    else this.#server.emit('connection', connection);
  }

  usage(): BrokerUsage {
    return this.#host.ledger.usage();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new BrokerRefused('broker.upstream', 'the session is over'));
    this.#connections[Symbol.dispose]();
    await this.#host.upstreams[Symbol.asyncDispose]();
  }

  #newServer(): Server {
    // The timeouts are ours (connections.ts).
    const server = createServer({
      ...{ maxHeaderSize: this.#limits.headBytes, insecureHTTPParser: false, requireHostHeader: true },
      ...{ headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0 },
    });
    server.maxHeadersCount = 100;
    const onRequest = (request: IncomingMessage, response: ServerResponse) => void this.#onRequest(request, response);
    server.on('request', onRequest);
    // 100 Continue is said once the head was judged.
    server.on('checkContinue', onRequest);
    server.on('connect', (_request, connection: Duplex) => this.#refuseRaw(connection, 'the broker is no proxy', 405));
    server.on('clientError', (error, connection: Duplex) => {
      const isLarge = codeOf(error) === 'HPE_HEADER_OVERFLOW';
      this.#refuseRaw(connection, isLarge ? 'the head is too large' : 'that is not HTTP/1.1', isLarge ? 431 : 400);
    });
    return server;
  }

  /** For what is no request. After a first such answer, or in the middle of another one, there is nothing left to say. */
  #refuseRaw(connection: Duplex, detail: string, status: number): void {
    if (this.#connections.isBusy(connection) || !connection.writable) {
      connection.destroy();
      return;
    }
    refuseRaw(connection, detail, status);
    this.#connections.onLast(connection);
    this.#onRefused(new BrokerRefused('broker.request', detail), undefined);
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    this.#connections.onRequest(socket);
    const gone = new AbortController();
    response.once('close', () => {
      this.#connections.onAnswered(socket, response.writableFinished && response.shouldKeepAlive);
      gone.abort();
    });
    // What fails on the connection ends it; the response says so.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    let route: BrokerRoute | undefined;
    try {
      this.#underWay += 1;
      const target = parseTarget(request.url ?? '');
      route = findRoute(this.#routes, target);
      const match = matchEndpoint(route, request.method, target);
      checkRequest(request, match.endpoint);
      if (this.#underWay > this.#limits.requests)
        throw new BrokerRefused('broker.busy', `${this.#limits.requests} calls`);
      await exchange(this.#host, match, request, response, AbortSignal.any([this.#closing.signal, gone.signal]));
    } catch (error) {
      this.#onFailed(error, response, route);
    } finally {
      this.#underWay -= 1;
    }
  }

  #onFailed(error: unknown, response: ServerResponse, route: BrokerRoute | undefined): void {
    if (response.destroyed || response.headersSent) {
      // Too late to say so on this connection: who asks why an answer broke off finds it with the result of the command.
      if (error instanceof BrokerRefused && error.ruleId === 'broker.cap') this.#onRefused(error, route);
      response.destroy();
      return;
    }
    // A bug of ours: nothing of it goes inside.
    const refused =
      error instanceof BrokerRefused
        ? error
        : new BrokerRefused('broker.upstream', 'the request could not be carried out', { cause: error });
    this.#onRefused(refused, route);
    refuse(response, refused, route?.refusals ?? 'json');
  }

  #onRefused(refused: BrokerRefused, route: BrokerRoute | undefined): void {
    const upstream = route?.upstream;
    this.#options.onRefusal?.({
      ...{ ruleId: refused.ruleId, route: route?.id, via: 'broker', count: 1 },
      host: upstream?.hostname ?? '',
      port: upstream === undefined ? 0 : Number(upstream.port || (upstream.protocol === 'https:' ? 443 : 80)),
      ...{ reason: refused.message, hint: refused.hint, atMs: this.#options.clock.now() },
    });
  }
}
