import { createHmac, randomUUID } from 'node:crypto';
import type { Clock } from '../kit/clock.js';
import { farewell, postPatiently } from '../kit/post.js';
import type { Secret } from '../kit/secret.js';
import type { Alarm } from '../monitor/alarms/alarm.js';
import type { OnAlert, Outlet } from './outlet.js';

export interface WebhookOptions {
  /** A URL, in which there may be a token. */
  readonly url: Secret;
  /** What deliveries are signed with; undefined: they are not. */
  readonly key: Secret | undefined;
  readonly host: string;
  readonly version: string;
  readonly clock: Clock;
  readonly onAlert: OnAlert;
  readonly limits?: Partial<WebhookLimits>;
}

export interface WebhookLimits {
  /** Alarms that wait; what comes beyond is dropped. */
  readonly waiting: number;
  /** One attempt, all of it. */
  readonly attemptMs: number;
  /** Before the second attempt, the third … */
  readonly pausesMs: readonly number[];
  /** What is under way when the process ends. */
  readonly farewellMs: number;
}

const usualLimits: WebhookLimits = {
  waiting: 64,
  attemptMs: 10_000,
  pausesMs: [1000, 5000, 25_000],
  farewellMs: 2000,
};

/**
 * POSTs alarms as JSON, one after the other. An attempt that failed for a reason that may pass is repeated under the same id; redirects are
 * not followed, and nothing of an answer is read but its status. With a key `Paddock-Signature` has `t=SECONDS,v1=HEX`: HMAC-SHA-256 over
 * `SECONDS.BODY`, so that a receiver can tell an old one that somebody plays again.
 */
export class Webhook implements Outlet {
  readonly #options: WebhookOptions;
  readonly #limits: WebhookLimits;
  readonly #waiting: Alarm[] = [];
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#limits = { ...usualLimits, ...options.limits };
  }

  send(alarm: Alarm): void {
    if (this.#stop.signal.aborted || this.#waiting.length >= this.#limits.waiting) {
      this.#options.onAlert('webhook', 'dropped', 'too many wait for the webhook');
      return;
    }
    this.#waiting.push(alarm);
    this.#sending ??= this.#sendAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await farewell(this.#sending, this.#limits.farewellMs, this.#options.clock);
    this.#stop.abort();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let alarm = this.#waiting.shift(); alarm !== undefined; alarm = this.#waiting.shift()) {
      const why = await this.#deliver(alarm);
      this.#options.onAlert('webhook', why === undefined ? 'ok' : 'failed', why);
    }
    this.#sending = undefined;
  }

  /** Why it did not get there; undefined: it did. */
  #deliver(alarm: Alarm): Promise<string | undefined> {
    const { url, host, version, clock } = this.#options;
    const { attemptMs, pausesMs } = this.#limits;
    const id = randomUUID();
    const body = JSON.stringify({ id, host, version, ...alarm, time: new Date(alarm.atMs).toISOString() });
    return postPatiently({
      ...{ to: 'the webhook', url: url.reveal(), body, headers: () => this.#headers(id, body) },
      mayPass: (status) => status === 408 || status === 429 || status >= 500,
      ...{ attemptMs, pausesMs, clock, signal: this.#stop.signal },
    });
  }

  #headers(id: string, body: string): Record<string, string> {
    const { key, version, clock } = this.#options;
    const usual = {
      ...{ 'content-type': 'application/json', 'user-agent': `paddock/${version}`, 'paddock-delivery': id },
    };
    if (key === undefined) return usual;
    const seconds = Math.floor(clock.now() / 1000);
    const signature = createHmac('sha256', key.reveal()).update(`${seconds}.${body}`).digest('hex');
    return { ...usual, 'paddock-signature': `t=${seconds},v1=${signature}` };
  }
}
