import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Clock } from '../../kit/clock.js';
import type { OpenRequests } from '../open-requests.js';
import { HttpRefusal } from './refusal.js';

/** One client's connection, as MCP understands it, with a server and a transport that nobody else has. */
export interface McpSession {
  readonly id: string;
  readonly caller: string;
  readonly server: Server;
  readonly transport: StreamableHTTPServerTransport;
  readonly requests: OpenRequests;
  /** By the monotonic clock. */
  usedAtMs: number;
  /** Requests and streams that are open. */
  open: number;
}

/**
 * The MCP sessions there are, each of the caller that opened it. The id is a name and no key: of another caller's, as of one that is not
 * there, everybody learns the same. Errors: HttpRefusal.
 */
export class McpSessions {
  readonly #clock: Clock;
  readonly #mostOfOne: number;
  readonly #idleMs: number;
  readonly #byCaller = new Map<string, Map<string, McpSession>>();

  constructor(clock: Clock, bounds: { readonly mcpSessions: number; readonly mcpSessionIdleMs: number }) {
    this.#clock = clock;
    this.#mostOfOne = bounds.mcpSessions;
    this.#idleMs = bounds.mcpSessionIdleMs;
  }

  get list(): readonly McpSession[] {
    return [...this.#byCaller.values()].flatMap((own) => [...own.values()]);
  }

  /** Looked for among the caller's own alone, so that it takes as long whether another has it or nobody. */
  get(caller: string, id: string): McpSession {
    const found = this.#byCaller.get(caller)?.get(id);
    if (found === undefined) throw new HttpRefusal('no-mcp-session', 'Session not found');
    return found;
  }

  /** Makes room for one more by closing the one that nobody has used for the longest, if it is not in use. */
  async makeRoom(caller: string): Promise<void> {
    const own = [...(this.#byCaller.get(caller)?.values() ?? [])];
    if (own.length < this.#mostOfOne) return;
    const [oldest] = own.filter(({ open }) => open === 0).sort((a, b) => a.usedAtMs - b.usedAtMs);
    if (oldest === undefined) {
      const message = `${this.#mostOfOne} MCP sessions of this key are in use, which is the limit`;
      throw new HttpRefusal('too-many', message, { 'retry-after': '10' });
    }
    await this.close(oldest);
  }

  add(session: Pick<McpSession, 'id' | 'caller' | 'server' | 'transport' | 'requests'>): McpSession {
    const own = this.#byCaller.get(session.caller) ?? new Map<string, McpSession>();
    const added = { ...session, usedAtMs: this.#clock.monotonic(), open: 0 };
    own.set(session.id, added);
    this.#byCaller.set(session.caller, own);
    return added;
  }

  remove({ caller, id }: Pick<McpSession, 'caller' | 'id'>): void {
    const own = this.#byCaller.get(caller);
    own?.delete(id);
    if (own?.size === 0) this.#byCaller.delete(caller);
  }

  /** Ends it, and what is being done for it. */
  async close(session: McpSession): Promise<void> {
    this.remove(session);
    await session.server.close();
  }

  /** Closes those that nobody has used for long, and those whose caller may use nothing any more. */
  async sweep(isGood: (caller: string) => boolean): Promise<void> {
    const nowMs = this.#clock.monotonic();
    for (const session of this.list) {
      const isIdle = session.open === 0 && nowMs - session.usedAtMs >= this.#idleMs;
      if (isIdle || !isGood(session.caller)) await this.close(session);
    }
  }
}
