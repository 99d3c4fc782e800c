import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it came, with its attributes as an object. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Body {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (object & { readonly attributes: readonly Attribute[] })[];
    }[];
  }[];
}

/** An OTLP collector on the loopback, that keeps what it gets. */
export class Collector implements AsyncDisposable {
  readonly requests: {
    readonly url: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }[] = [];
  readonly #server = createServer();
  readonly #statuses: readonly number[];

  /** Answers with these statuses, then always with the last; 0: not at all. */
  private constructor(statuses: readonly number[]) {
    this.#statuses = statuses;
  }

  static async start(...statuses: readonly number[]): Promise<Collector> {
    const collector = new Collector(statuses);
    const { requests } = collector;
    const server = collector.#server;
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('error', () => undefined);
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const status = statuses[Math.min(requests.length, statuses.length - 1)] ?? 200;
        requests.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
        if (status !== 0) response.writeHead(status, { location: '/elsewhere' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What it took. */
  get spans(): readonly CollectedSpan[] {
    const taken = this.requests.filter((_, i) => {
      const status = this.#statuses[Math.min(i, this.#statuses.length - 1)] ?? 200;
      return status >= 200 && status < 300;
    });
    return taken.flatMap(({ body }) =>
      (JSON.parse(body) as Body).resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) =>
          spans.map((span) => ({ ...(span as unknown as CollectedSpan), attributes: plainly(span.attributes) })),
        ),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

function plainly(attributes: readonly Attribute[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
