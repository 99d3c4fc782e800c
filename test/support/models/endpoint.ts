import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropic } from './anthropic.js';
import { bedrock } from './bedrock.js';
import { gemini } from './gemini.js';
import { openaiChat } from './openai-chat.js';
import { openaiResponses } from './openai-responses.js';
import type { Body, Dialect, Fault, RecordedRequest, Step } from './steps.js';

const dialects = { anthropic, bedrock, gemini, openaiChat, openaiResponses };

/**
 * A model provider on 127.0.0.1 that answers by a script, in whichever dialect the path belongs to; anything may stand
 * before that path. Records every request. Requests that offer no tools (titles and the like) get a word and take no step.
 */
export class ModelEndpoint implements AsyncDisposable {
  readonly url: string;
  readonly requests: RecordedRequest[] = [];
  readonly #server: Server;
  readonly #steps: Step[] = [];
  #otherwise: Step = { say: 'done' };
  #answered = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request: IncomingMessage, reply: ServerResponse) => void this.#serve(request, reply));
  }

  static async open(): Promise<ModelEndpoint> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return new ModelEndpoint(server);
  }

  /** What to do next, in order; `otherwise` when all of it is done, again and again. Forgets earlier steps that are left. */
  script(steps: readonly Step[], otherwise: Step = { say: 'done' }): void {
    this.#steps.splice(0, Infinity, ...steps);
    this.#otherwise = otherwise;
  }

  /** Requests for models, without what is not a model's (lists, telemetry). */
  modelRequests(): RecordedRequest[] {
    return this.requests.filter((request) => dialectOf(request.path) !== undefined);
  }

  async #serve(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    reply.on('error', () => {});
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      return; // who asked went away
    }
    const path = request.url ?? '/';
    const body = Buffer.concat(pieces).toString('utf8');
    this.requests.push({ method: request.method ?? '', path, headers: flat(request), body });
    const dialect = dialectOf(path);
    if (dialect === undefined) {
      reply.writeHead(404, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    const parsed = JSON.parse(body) as Body;
    const step = dialect.usesTools(parsed) ? (this.#steps.shift() ?? this.#otherwise) : ({ say: 'a title' } as const);
    this.#answered += 1;
    await play(step, dialect, parsed, this.#answered, reply);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function dialectOf(path: string): Dialect | undefined {
  return Object.values(dialects).find((dialect) => dialect.path.test(path));
}

function flat(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}

async function play(step: Step, dialect: Dialect, body: Body, id: number, reply: ServerResponse): Promise<void> {
  if ('fault' in step) return fail(step, dialect, body, id, reply);
  reply.writeHead(200, { 'content-type': dialect.contentType });
  for (const piece of dialect.answer(step, body, id)) reply.write(piece);
  reply.end();
}

async function fail(fault: Fault, dialect: Dialect, body: Body, id: number, reply: ServerResponse): Promise<void> {
  if (fault.fault === 'hang') return;
  if (fault.fault === 'status') {
    // No waiting between retries: how long agents wait is theirs to say.
    reply.writeHead(fault.status, { 'content-type': 'application/json', 'retry-after': '0' });
    reply.end(dialect.error(fault.status));
    return;
  }
  reply.writeHead(200, { 'content-type': dialect.contentType });
  const { beginning, more } = dialect.flood(body, id);
  for (const piece of [...beginning, more]) reply.write(piece);
  if (fault.fault === 'cut') {
    reply.write('', () => reply.destroy());
    return;
  }
  while (!reply.destroyed) if (!reply.write(more)) await drained(reply);
}

function drained(reply: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      reply.off('drain', go).off('close', go);
      resolve();
    };
    reply.on('drain', go).on('close', go);
  });
}
