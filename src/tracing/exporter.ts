import type { Clock } from '../kit/clock.js';
import { farewell, postPatiently } from '../kit/post.js';
import { otlpJson } from './otlp-json.js';
import type { Attributes, OnSpans, Span } from './span.js';

export interface ExporterOptions {
  /** Where spans are POSTed: with its path, `/v1/traces` as a rule. */
  readonly url: string;
  /** Of this process. */
  readonly resource: Attributes;
  readonly version: string;
  readonly clock: Clock;
  readonly onSpans: OnSpans;
  readonly limits?: Partial<ExporterLimits>;
}

export interface ExporterLimits {
  /** Spans that wait; what comes beyond is dropped. */
  readonly waiting: number;
  /** Spans in a request, and from how many on none is waited for. */
  readonly batch: number;
  /** After the first span, before they are sent. */
  readonly delayMs: number;
  /** One attempt, all of it. */
  readonly attemptMs: number;
  /** Before the second attempt, the third … */
  readonly pausesMs: readonly number[];
  /** For what is left when the process ends. */
  readonly farewellMs: number;
}

/** The first three are the defaults of OpenTelemetry's batch processor (`OTEL_BSP_*`). */
const usualLimits: ExporterLimits = {
  ...{ waiting: 2048, batch: 512, delayMs: 5000 },
  ...{ attemptMs: 10_000, pausesMs: [1000, 5000], farewellMs: 2000 },
};

/**
 * Sends spans to a collector, over HTTP as JSON, in batches. Nobody waits for it, and it never throws: what can't be sent is counted and
 * gone. Of an answer nothing is read but its status, and redirects are not followed.
 */
export class SpanExporter implements AsyncDisposable {
  readonly #options: ExporterOptions;
  readonly #limits: ExporterLimits;
  readonly #waiting: Span[] = [];
  readonly #stop = new AbortController();
  #hurry = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#limits = { ...usualLimits, ...options.limits };
  }

  add(span: Span): void {
    if (this.#stop.signal.aborted || this.#waiting.length >= this.#limits.waiting) {
      this.#options.onSpans('dropped', 1, 'more calls are traced than can be sent');
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= this.#limits.batch) this.#hurry.abort();
    this.#sending ??= this.#sendAll();
  }

  /** Sends what waits, as far as that goes in two seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hurry.abort();
    await farewell(this.#sending, this.#limits.farewellMs, this.#options.clock);
    this.#stop.abort();
    await this.#sending;
    const left = this.#waiting.splice(0).length;
    if (left > 0) this.#options.onSpans('dropped', left, 'the process ended before they were sent');
  }

  async #sendAll(): Promise<void> {
    const { clock, onSpans } = this.#options;
    await clock.sleep(this.#limits.delayMs, this.#hurry.signal).catch(() => undefined);
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      const batch = this.#waiting.splice(0, this.#limits.batch);
      const why = await this.#deliver(batch);
      onSpans(why === undefined ? 'sent' : 'failed', batch.length, why);
    }
    this.#sending = undefined;
    // At the end of the process no more is waited for.
    if (!this.#stop.signal.aborted && this.#waiting.length === 0) this.#hurry = new AbortController();
  }

  /** Why it did not get there; undefined: it did. */
  #deliver(batch: readonly Span[]): Promise<string | undefined> {
    const { url, resource, version, clock } = this.#options;
    const { attemptMs, pausesMs } = this.#limits;
    const headers = { 'content-type': 'application/json', 'user-agent': `paddock/${version}` };
    return postPatiently({
      ...{ to: 'the collector', url, body: otlpJson(batch, resource, version), headers: () => headers },
      // Those of the OTLP specification.
      mayPass: (status) => [429, 502, 503, 504].includes(status),
      ...{ attemptMs, pausesMs, clock, signal: this.#stop.signal },
    });
  }
}
