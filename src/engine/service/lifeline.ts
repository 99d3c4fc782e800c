import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';

const reconnectMs = 250;

/**
 * One connection to a service that is never idle: a subscription to events that never come. It keeps a service with
 * an idle timeout alive for exactly as long as this process lives. Reopened while `isWanted`.
 */
export class Lifeline implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(address: { readonly socketPath: string }, isWanted: () => boolean) {
    this.#done = this.#hold(address.socketPath, isWanted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #hold(socketPath: string, isWanted: () => boolean): Promise<void> {
    const { signal } = this.#stop;
    const filters = encodeURIComponent(JSON.stringify({ label: ['dev.paddock.lifeline=never'] }));
    const path = `/v4.0.0/libpod/events?stream=true&filters=${filters}`;
    while (!signal.aborted && isWanted()) {
      const client = new Client('http://d', { socketPath, headersTimeout: 0, bodyTimeout: 0 });
      try {
        const answer = await client.request({ method: 'GET', path, signal });
        await answer.body.dump({ limit: Number.MAX_SAFE_INTEGER, signal });
      } catch {
        // Broken or stopped: the loop's condition tells.
      }
      await client.destroy();
      await sleep(reconnectMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
