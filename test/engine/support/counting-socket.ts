import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A socket before an engine's that counts the bytes that go to it. Disposing drops every connection. */
export class CountingSocket implements AsyncDisposable {
  readonly path: string;
  /** Bytes that clients have sent. */
  sentBytes = 0;
  readonly #folder: string;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true });

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'engine.sock');
  }

  static async before(enginePath: string): Promise<CountingSocket> {
    const counting = new CountingSocket(await mkdtemp(join(tmpdir(), 'pdk-count-')));
    counting.#server.on('connection', (client) => counting.#join(client, enginePath));
    await new Promise<void>((resolve) => {
      counting.#server.listen(counting.path, resolve);
    });
    return counting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    await rm(this.#folder, { recursive: true, force: true });
  }

  #join(client: Socket, enginePath: string): void {
    const engine = connect({ path: enginePath, allowHalfOpen: true });
    for (const socket of [client, engine]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('data', (chunk: Buffer) => {
      this.sentBytes += chunk.length;
    });
    client.pipe(engine);
    engine.pipe(client);
  }
}
