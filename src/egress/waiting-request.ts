import type { Client, EgressContext } from './context.js';

/** Ends a connection whose client takes too long to ask for something. */
export class WaitingRequest {
  readonly #client: Client;
  readonly #context: Pick<EgressContext, 'clock' | 'times'>;
  #over: AbortController | undefined;

  constructor(client: Client, context: Pick<EgressContext, 'clock' | 'times'>) {
    this.#client = client;
    this.#context = context;
  }

  begin(): void {
    this.end();
    const over = new AbortController();
    this.#over = over;
    const destroy = () => this.#client.connection.destroy();
    this.#context.clock.sleep(this.#context.times.requestMs, over.signal).then(destroy, () => undefined);
  }

  end(): void {
    this.#over?.abort();
    this.#over = undefined;
  }
}
