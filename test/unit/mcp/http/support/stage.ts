import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { systemClock } from '../../../../../src/kit/clock.js';
import { type HttpBounds, usualBounds } from '../../../../../src/mcp/http/bounds.js';
import { type Endpoint, hostsOf, type Opening } from '../../../../../src/mcp/http/endpoint.js';
import { listen, type Tls } from '../../../../../src/mcp/http/listen.js';
import { McpHttp, type McpHttpOptions } from '../../../../../src/mcp/http/mcp-http.js';
import { buildServer, type CallTracing } from '../../../../../src/mcp/server.js';
import { defineTool, type ToolContext } from '../../../../../src/tools/define-tool.js';
import { InMemoryAudit } from '../../../session/support/audit.js';

interface Services {
  readonly caller: string;
  readonly work: (words: string, context: ToolContext) => Promise<unknown>;
}

/** Says who calls it, after `work`. */
const whoami = defineTool({
  ...{ name: 'whoami', title: 'Who am I', description: 'Says who calls.' },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ words: z.string().optional() }),
  output: z.object({ caller: z.string(), words: z.string() }),
  async handle({ caller, work }: Services, { words = '' }, context) {
    await work(words, context);
    return { structured: { caller, words }, text: `${caller}: ${words}` };
  },
});

export const keyOf = { ada: 'key-of-ada', bob: 'key-of-bob' } as const;
type Caller = keyof typeof keyOf;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Asked {
  readonly body?: string | Buffer;
  /** Undefined: left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** The real server over a tool that says who calls it. */
export class HttpStage implements AsyncDisposable {
  readonly refused: string[] = [];
  readonly errors: unknown[] = [];
  readonly good = new Set<string>(Object.keys(keyOf));
  work: (words: string, context: ToolContext) => Promise<unknown> = () => Promise.resolve();
  nowMs = 0;
  /** Until a caller may send another request. */
  waitMs: number | undefined;
  /** What lets a caller's calls in; absent: nothing keeps them out. */
  gateOf: ((caller: string) => () => Promise<() => void>) | undefined;
  /** Callers each of whose calls takes a scope. */
  readonly scoped = new Set<string>();
  /** Where it was said to be. */
  at: Endpoint | undefined;
  trace: CallTracing | undefined;
  readonly #http: McpHttp;
  #listening: Awaited<ReturnType<typeof listen>> | undefined;
  readonly #bounds: HttpBounds;

  /** `means`: other than those of two callers with a key each. */
  constructor(
    bounds: Partial<HttpBounds> = {},
    means: Partial<Pick<McpHttpOptions, 'authenticate' | 'tokens' | 'rules' | 'rate'>> = {},
  ) {
    // Most tests ask as fast as they can.
    this.#bounds = { ...usualBounds, pauseMs: 1, ...bounds };
    this.#http = new McpHttp({
      rules: { hosts: hostsOf(loopback, ['Mcp.Example.org']), origins: new Set(['https://app.example.org']) },
      bounds: this.#bounds,
      clock: { ...systemClock, monotonic: () => systemClock.monotonic() + this.nowMs },
      authenticate: (key) => {
        const [caller] = Object.entries(keyOf).find(([, one]) => one === key) ?? [];
        return Promise.resolve(caller !== undefined && this.good.has(caller) ? { caller } : undefined);
      },
      rate: (caller) => Promise.resolve(caller === undefined ? undefined : this.waitMs),
      serverFor: (caller) =>
        buildServer<Services>({
          ...{ version: '0', tools: [whoami], audit: new InMemoryAudit() },
          services: () => Promise.resolve({ caller, work: (...args) => this.work(...args) }),
          onFailure: () => undefined,
          trace: this.trace,
          ...(this.gateOf === undefined ? {} : { gate: this.gateOf(caller) }),
          isScoped: this.scoped.has(caller),
        }),
      onRefused: ({ reason, check }, caller) =>
        this.refused.push([reason, caller ?? '-', ...(check === undefined ? [] : [check])].join(' ')),
      onError: (error) => this.errors.push(error),
      ...means,
    });
  }

  async start(opening: Opening = loopback, tls?: Tls): Promise<this> {
    this.#listening = await listen(opening, tls, this.#bounds, (at) => {
      this.at = at;
      return (...pair) => void this.#http.handle(...pair);
    });
    return this;
  }

  get url(): URL {
    return new URL(this.#listening?.url ?? '');
  }

  sweep(): Promise<void> {
    return this.#http.sweep((caller) => this.good.has(caller));
  }

  /** As a server ends. */
  async drain(): Promise<void> {
    this.#listening?.stop();
    await this.#http.drain();
  }

  async connect(caller: Caller, name = 'test'): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
    const client = new Client({ name, version: '0' });
    const requestInit = { headers: { authorization: `Bearer ${keyOf[caller]}` } };
    const transport = new StreamableHTTPClientTransport(this.url, { requestInit });
    await client.connect(transport);
    return { client, transport };
  }

  /** One request as it stands here, headers and all. */
  send(options: Omit<RequestOptions, 'headers'> & Asked = {}): Promise<Reply> {
    const { body, headers, ...rest } = options;
    const usual = {
      authorization: `Bearer ${keyOf.ada}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    const all = Object.fromEntries(
      Object.entries<string | undefined>({ ...usual, ...headers }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      ),
    );
    const { hostname, port, pathname: path } = this.url;
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: hostname, port, path, method: 'POST', agent: false, ...rest, headers: all },
        (answer) => {
          const pieces: Buffer[] = [];
          answer.on('data', (piece: Buffer) => pieces.push(piece));
          answer.on('error', reject);
          answer.on('end', () => {
            const { statusCode: status = 0, headers: got } = answer;
            resolve({ status, headers: got, text: Buffer.concat(pieces).toString() });
          });
        },
      );
      sent.on('error', reject);
      if (options.method === undefined || options.method === 'POST') sent.end(body ?? JSON.stringify(initialize));
      else sent.end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listening?.[Symbol.asyncDispose]();
    await this.#http[Symbol.asyncDispose]();
  }
}

export const loopback: Endpoint = { kind: 'tcp', address: '127.0.0.1', port: 0, isLoopback: true };

export const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '0' } },
};
