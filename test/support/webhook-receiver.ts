import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a webhook was sent, in the order in which it came. */
export interface Received {
  readonly kind: string;
  readonly level: string;
  readonly text: string;
}

/** A service on the loopback that takes alarms. Disposing hangs up. */
export class WebhookReceiver implements AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
  readonly #server: Server;

  private constructor(server: Server, received: Received[]) {
    this.#server = server;
    this.received = received;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  static async start(): Promise<WebhookReceiver> {
    const received: Received[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push(JSON.parse(Buffer.concat(chunks).toString()) as Received);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new WebhookReceiver(server, received);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
