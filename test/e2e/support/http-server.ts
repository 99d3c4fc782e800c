import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, fetch as undiciFetch } from 'undici';
import { type Answer, answerOf } from './client.js';
import { mainScript, type Place } from './place.js';

const run = promisify(execFile);

type Surroundings = Pick<Place, 'env'>;

/** A client with a key. Disposing hangs up. */
export class KeyClient implements AsyncDisposable {
  readonly client = new Client({ name: 'paddock-test', version: '1.0.0' });
  readonly secret: string;

  constructor(secret: string) {
    this.secret = secret;
  }

  /** `where`: its URL, or the path of its socket. */
  async connect(where: string | { readonly socketPath: string }): Promise<this> {
    const requestInit = { headers: { authorization: `Bearer ${this.secret}` } };
    const [url, more] = typeof where === 'string' ? [where, {}] : ['http://localhost/mcp', over(where)];
    await this.client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit, ...more }));
    return this;
  }

  async call(name: string, args: Record<string, unknown> = {}): Promise<Answer> {
    return answerOf(await this.client.callTool({ name, arguments: args }, undefined, { timeout: 120_000 }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client.close();
  }
}

function over({ socketPath }: { readonly socketPath: string }): { readonly fetch: typeof fetch } {
  const dispatcher = new Agent({ connect: { socketPath } });
  const send = (url: unknown, init: object = {}) => undiciFetch(url as URL, { ...init, dispatcher });
  return { fetch: send };
}

/** The built server on a port of this host. Disposing ends it as a service manager does. */
export class HttpServer implements AsyncDisposable {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #around: Surroundings;

  private constructor(url: string, process: ChildProcess, around: Surroundings) {
    this.url = url;
    this.#process = process;
    this.#around = around;
  }

  static async start(
    place: Place,
    flags: readonly string[] = [],
    more: Readonly<Record<string, string>> = {},
  ): Promise<HttpServer> {
    const env = { ...place.env, ...more };
    const args = [mainScript, 'serve', '--http', '127.0.0.1:0', '--json', ...flags];
    const server = spawn(process.execPath, args, {
      env,
      cwd: place.root,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = createInterface(server.stdout);
    let said = '';
    for await (const line of lines) {
      said += line;
      if (line === '}') return new HttpServer((JSON.parse(said) as { url: string }).url, server, { env });
    }
    throw new Error('the server did not say where it listens');
  }

  /** Makes a key and connects with it. */
  async client(name: string, ...options: readonly string[]): Promise<KeyClient> {
    const made = await paddock(this.#around, 'keys', 'create', name, ...options);
    return await new KeyClient(String(made['secret'])).connect(this.url);
  }

  /** The exit status, once it has ended by itself. */
  async terminate(): Promise<number | null> {
    const { exitCode } = this.#process;
    if (exitCode !== null) return exitCode;
    const over = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await over;
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminate();
  }
}

/** What a command of the command line says with --json. */
export async function paddock({ env }: Surroundings, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, [mainScript, ...args, '--json'], { env });
  return JSON.parse(stdout) as Record<string, unknown>;
}
