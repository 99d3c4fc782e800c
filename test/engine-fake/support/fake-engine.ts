import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Answers one request (its head and body as text) with bytes; the connection stays open unless the script ends it. */
export type Script = (socket: Socket, request: string) => void;

export const dockerPing =
  'HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\nContent-Length: 2\r\n\r\nOK';
export const podmanPing =
  'HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\nContent-Length: 2\r\n\r\nOK';

export function json(status: number, body: unknown): string {
  const text = JSON.stringify(body);
  return `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

export const rootlessDocker = json(200, {
  Driver: 'overlay2',
  SecurityOptions: ['name=rootless', 'name=seccomp,profile=default'],
});

export function frame(stream: number, payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload as string);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** An engine made of bytes, on a real Unix socket in a folder of its own. Pings are answered unless `ping` is null. */
export class FakeEngine implements AsyncDisposable {
  readonly socketPath: string;
  readonly requests: string[] = [];
  script: Script = (socket) => socket.end();
  ping: string | null = dockerPing;
  readonly #folder: string;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));

  private constructor(folder: string) {
    this.#folder = folder;
    this.socketPath = join(folder, 'e.sock');
  }

  static async start(): Promise<FakeEngine> {
    const fake = new FakeEngine(await mkdtemp(join(tmpdir(), 'paddock-fake-')));
    await fake.listen();
    return fake;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.socketPath);
    await once(this.#server, 'listening');
  }

  /** Closes the socket and every connection, as a service that has gone. */
  async vanish(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vanish();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (end < 0 || text.length < end + 4 + length) return;
      const request = text.slice(0, end + 4 + length);
      text = text.slice(end + 4 + length);
      if (request.startsWith('GET /_ping') && this.ping !== null) socket.write(this.ping);
      else {
        this.requests.push(request);
        this.script(socket, request);
      }
    });
  }
}
