import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../../kit/clock.js';
import { randomBase32 } from '../../kit/random-id.js';
import { type Lacks, scopeNote } from '../call-scope.js';
import { OpenRequests, reusedId } from '../open-requests.js';
import { sessionIdOf, toolOf } from './asked.js';
import { Bearer, type TokenSource } from './bearer.js';
import { type Body, BodyBudget, readJson } from './body.js';
import type { HttpBounds } from './bounds.js';
import { checkFront, type FrontRules } from './front.js';
import { HoldBack } from './hold-back.js';
import { type McpSession, McpSessions } from './mcp-sessions.js';
import { HttpRefusal, sendRefusal } from './refusal.js';

/** Who sent a request, and what of it they may not do by what they showed. */
export interface Admitted {
  /** Their name here. */
  readonly caller: string;
  /** Scopes without which they may not call that tool; undefined: it is not theirs that is missing. Absent: none are needed. */
  readonly lacks?: Lacks;
}

export interface McpHttpOptions {
  readonly rules: Omit<FrontRules, 'metadataPaths' | 'headers'>;
  /** Where clients get tokens; absent: they have keys. */
  readonly tokens?: TokenSource | undefined;
  readonly bounds: HttpBounds;
  readonly clock: Clock;
  /** Who has that key or token; undefined: nobody. Errors: HttpRefusal. */
  readonly authenticate: (secret: string) => Promise<Admitted | undefined>;
  /** Counts a request of theirs, or one that is refused before anybody knows whose it is; milliseconds until the next one where there were too many. */
  readonly rate: (caller: string | undefined) => Promise<number | undefined>;
  /** A server for one MCP session of that caller. */
  readonly serverFor: (caller: string) => Server;
  readonly onRefused: (refusal: HttpRefusal, caller: string | undefined) => void;
  /** Told what no client may see. */
  readonly onError: (error: unknown) => void;
}

/** Answers requests: who is it, which MCP session, and then the SDK's transport of that session. Disposing closes all of them. */
export class McpHttp implements AsyncDisposable {
  readonly #options: McpHttpOptions;
  readonly #rules: FrontRules;
  readonly #bearer: Bearer;
  readonly #sessions: McpSessions;
  readonly #eager: HoldBack;
  readonly #budget: BodyBudget;
  readonly #budgets = new Map<string, BodyBudget>();
  readonly #open = new Map<string, number>();
  #isDraining = false;

  constructor(options: McpHttpOptions) {
    this.#options = options;
    const { tokens, bounds } = options;
    const rules = { ...options.rules, headers: bounds.headers };
    this.#rules = tokens === undefined ? rules : { ...rules, metadataPaths: tokens.paths };
    this.#bearer = new Bearer(tokens);
    this.#sessions = new McpSessions(options.clock, options.bounds);
    this.#eager = new HoldBack(options.clock, options.bounds);
    this.#budget = new BodyBudget(options.bounds.allBodiesBytes);
  }

  /** Answers one request, whatever it is; never throws. */
  readonly handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let caller: string | undefined;
    let waitMs: number | undefined;
    try {
      if (this.#isDraining) throw new HttpRefusal('draining', 'the server is ending', { 'retry-after': '5' });
      if (checkFront(request, this.#rules) === 'metadata') {
        this.#describe(response);
        return;
      }
      const admitted = await this.#options.authenticate(this.#bearer.take(request));
      if (admitted === undefined) throw this.#bearer.wrongKey();
      caller = admitted.caller;
      waitMs = await this.#options.rate(caller);
      if (waitMs !== undefined) throw tooOften(waitMs);
      await this.#counted(admitted, request, response);
    } catch (error) {
      // What brings no key, or none that is good, is counted as if it were all from one.
      if (caller === undefined && !this.#isDraining) waitMs = await this.#options.rate(undefined);
      if (waitMs !== undefined) await this.#eager.hold(caller ?? nobody, response);
      this.#refuse(error, caller, response);
    }
  };

  /** Whether there is an MCP session that somebody may come back to, or a request. */
  get isInUse(): boolean {
    return this.#atWork > 0 || this.#sessions.list.length > 0;
  }

  /** Closes MCP sessions that nobody uses, and those of callers who may use nothing any more. */
  sweep(isGood: (caller: string) => boolean): Promise<void> {
    return this.#sessions.sweep(isGood);
  }

  /** Takes nothing more, and waits for the calls that are at work, but not for streams that only wait for something to say. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const { clock, bounds } = this.#options;
    const untilMs = clock.monotonic() + bounds.drainMs;
    while (this.#atWork > 0 && clock.monotonic() < untilMs) await clock.sleep(20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDraining = true;
    await Promise.all(this.#sessions.list.map((session) => this.#sessions.close(session)));
  }

  get #atWork(): number {
    return [...this.#open.values()].reduce((sum, one) => sum + one, 0);
  }

  #describe(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(this.#options.tokens?.document);
  }

  async #counted(admitted: Admitted, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { bounds } = this.#options;
    const { caller } = admitted;
    if (request.method !== 'POST') {
      const session = this.#sessions.get(caller, sessionIdOf(request) ?? '');
      await this.#pass(session, request, response, bounds.streamMs);
      return;
    }
    const open = this.#open.get(caller) ?? 0;
    if (open >= bounds.requests) {
      const message = `${bounds.requests} requests of this key are being worked on, which is the limit`;
      throw new HttpRefusal('too-many', message, { 'retry-after': '1' });
    }
    this.#open.set(caller, open + 1);
    try {
      await this.#post(admitted, request, response);
    } finally {
      const left = (this.#open.get(caller) ?? 1) - 1;
      if (left === 0) {
        this.#open.delete(caller);
        this.#budgets.delete(caller);
      } else this.#open.set(caller, left);
    }
  }

  async #post({ caller, lacks }: Admitted, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { bounds } = this.#options;
    const id = sessionIdOf(request);
    // Before a byte of it is read.
    const known = id === undefined ? undefined : this.#sessions.get(caller, id);
    const budget = this.#budgetOf(caller);
    const body = await readJson(request, bounds.message, budget);
    try {
      // The newest revisions have none, and of a hundred calls in one request every limit would see one.
      if (Array.isArray(body.json)) throw new HttpRefusal('not-a-message', 'send one message at a time');
      const missing = lacks?.(toolOf(body.json));
      if (missing !== undefined) throw this.#bearer.scope(missing);
      if (lacks !== undefined) Object.assign(request, { auth: scopeNote(caller, lacks) });
      const session = known ?? (await this.#begin(caller, body));
      const leave = session.requests.take(body.json);
      if (leave === false) throw new HttpRefusal('reused-id', reusedId);
      await this.#pass(session, request, response, bounds.answerMs, body).finally(leave);
      // The SDK refused to begin it.
      if (session.transport.sessionId === undefined) await this.#sessions.close(session);
    } finally {
      budget.giveBack(body.bytes);
    }
  }

  /** A part of what all have, so that whoever sends slowly keeps nobody else out. Kept as long as a request of the caller is open. */
  #budgetOf(caller: string): BodyBudget {
    const budget = this.#budgets.get(caller) ?? new BodyBudget(this.#options.bounds.bodiesBytes, this.#budget);
    this.#budgets.set(caller, budget);
    return budget;
  }

  async #begin(caller: string, { json }: Body): Promise<McpSession> {
    if (!isInitializeRequest(json)) {
      throw new HttpRefusal(
        'not-a-message',
        'begin with an initialize request, and send its Mcp-Session-Id from then on',
      );
    }
    await this.#sessions.makeRoom(caller);
    const id = randomBase32(52);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => id });
    const server = this.#options.serverFor(caller);
    const requests = new OpenRequests();
    requests.watch(transport);
    const session = this.#sessions.add({ id, caller, server, transport, requests });
    server.onclose = () => this.#sessions.remove(session);
    await server.connect(transport);
    return session;
  }

  /** Until the answer has gone out, or its client has gone, or it takes too long. */
  async #pass(
    session: McpSession,
    request: IncomingMessage,
    response: ServerResponse,
    mostMs: number,
    body?: Body,
  ): Promise<void> {
    const { clock, onError } = this.#options;
    // Its client has gone while its request was read, and nobody would tell.
    if (response.destroyed) return;
    session.open += 1;
    const timer = setTimeout(() => response.destroy(), mostMs);
    timer.unref();
    const over = new Promise<void>((resolve) => response.once('close', resolve));
    try {
      await session.transport.handleRequest(request, response, body?.json);
      await over;
    } catch (error) {
      onError(error);
      response.destroy();
    } finally {
      clearTimeout(timer);
      session.open -= 1;
      session.usedAtMs = clock.monotonic();
    }
  }

  #refuse(error: unknown, caller: string | undefined, response: ServerResponse): void {
    const { onRefused, onError } = this.#options;
    if (error instanceof HttpRefusal) {
      onRefused(error, caller);
      sendRefusal(response, error);
      return;
    }
    // A client that went away in the middle of its request is no failure of ours, and needs no answer.
    if (!response.destroyed) onError(error);
    response.destroy();
  }
}

/** No caller's name. */
const nobody = '';

function tooOften(waitMs: number): HttpRefusal {
  return new HttpRefusal('too-many', 'more requests of this key than it may send', {
    'retry-after': String(Math.ceil(waitMs / 1000)),
  });
}
