import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startPaddock } from './paddock.js';
import type { Place } from './place.js';

interface Message {
  readonly jsonrpc: string;
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { code: number; message: string };
}

interface Progress {
  readonly progressToken: string;
  readonly progress: number;
  readonly message: string;
}

/** The built server, spoken to in lines of our own: no SDK in between that could hide what is on stdout. */
export class RawServer implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Every line of stdout, as it came. */
  readonly lines: string[] = [];
  readonly exited: Promise<number | null>;
  stderr = '';
  #nextId = 1;
  readonly #waiting = new Map<number, (message: Message) => void>();

  private constructor(child: ChildProcess) {
    this.child = child;
    this.exited = once(child, 'close').then(([status]) => status as number | null);
    child.stdin?.on('error', () => undefined);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    if (child.stdout === null) throw new Error('the server has no stdout');
    createInterface(child.stdout).on('line', (line) => this.#take(line));
  }

  static async start(place: Place, env: Readonly<Record<string, string | undefined>> = {}): Promise<RawServer> {
    const server = new RawServer(startPaddock(place, ['serve'], { env }));
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
    await server.request('initialize', params);
    server.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
    return server;
  }

  /** Every line as a message; throws on the first one that is none. */
  get messages(): Message[] {
    return this.lines.map((line) => {
      const message = JSON.parse(line) as Message;
      if (message.jsonrpc !== '2.0') throw new Error(`not JSON-RPC: ${line.slice(0, 200)}`);
      return message;
    });
  }

  send(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  async request(method: string, params: unknown): Promise<Message> {
    const id = this.#nextId++;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    this.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return answer;
  }

  /** With a token, what it does is told on the way (`progressOf`). */
  async call(name: string, args: unknown, progressToken?: string): Promise<Message> {
    const meta = progressToken === undefined ? {} : { _meta: { progressToken } };
    return this.request('tools/call', { name, arguments: args, ...meta });
  }

  /** What has been told of the call with that token so far. */
  progressOf(token: string): readonly Progress[] {
    const told = this.messages.flatMap(({ method, params }) =>
      method === 'notifications/progress' && params !== undefined ? [params as unknown as Progress] : [],
    );
    return told.filter(({ progressToken }) => progressToken === token);
  }

  /** Calls a tool that is to succeed; returns its structure. */
  async use<T>(name: string, args: unknown): Promise<T> {
    const { result } = await this.call(name, args);
    if (result?.['structuredContent'] === undefined) throw new Error(JSON.stringify(result));
    return result['structuredContent'] as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin?.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    await this.exited;
    clearTimeout(timer);
  }

  #take(line: string): void {
    this.lines.push(line);
    try {
      const message = JSON.parse(line) as Message;
      if (typeof message.id === 'number') this.#waiting.get(message.id)?.(message);
    } catch {
      // `messages` reports it.
    }
  }
}
