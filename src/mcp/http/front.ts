import type { IncomingMessage } from 'node:http';
import { HttpRefusal } from './refusal.js';

export const mcpPath = '/mcp';
const methods = ['GET', 'POST', 'DELETE'];

export interface FrontRules {
  /** Names that the server is known by, in lower case and without a port. */
  readonly hosts: ReadonlySet<string>;
  /** Pages that may speak to it besides its own, as browsers name them: `https://app.example.org`. */
  readonly origins: ReadonlySet<string>;
  /** Where it says whose tokens it takes, which everybody may read. */
  readonly metadataPaths?: ReadonlySet<string>;
  /** The most headers that a request has. */
  readonly headers: number;
}

/**
 * What a request is refused for before anybody asks who it is from. A page that has its own name lead to this server (DNS rebinding) is
 * given away by the Host that browsers send; one that speaks to it across origins by its Origin. Returns what is asked for. Errors: HttpRefusal.
 */
export function checkFront(
  request: IncomingMessage,
  { hosts, origins, metadataPaths, headers }: FrontRules,
): 'mcp' | 'metadata' {
  // Behind the last one that is taken an Origin would not be seen.
  if (request.rawHeaders.length > 2 * headers) {
    throw new HttpRefusal('headers', `a request has at most ${headers} headers`);
  }
  const { host, origin } = request.headers;
  if (host === undefined || !hosts.has(nameOf(host))) throw new HttpRefusal('host', 'this server has another name');
  if (origin !== undefined && !origins.has(origin) && !isSame(origin, host)) {
    throw new HttpRefusal('origin', 'pages of that origin may not speak to this server');
  }
  const url = request.url ?? '';
  if (url.includes('?')) {
    const message =
      'nothing is taken from a query; a key goes into the Authorization header, and one that was in a URL is in logs: rotate it';
    throw new HttpRefusal('query', message);
  }
  if (metadataPaths?.has(url) === true) {
    checkMethod(request, ['GET']);
    return 'metadata';
  }
  if (url !== mcpPath) throw new HttpRefusal('path', `there is nothing here; MCP is at ${mcpPath}`);
  checkMethod(request, methods);
  return 'mcp';
}

function checkMethod({ method = '' }: IncomingMessage, allowed: readonly string[]): void {
  if (allowed.includes(method)) return;
  throw new HttpRefusal('method', 'not a method of MCP', { allow: allowed.join(', ') });
}

function nameOf(host: string): string {
  return host.replace(/:\d{1,5}$/, '').toLowerCase();
}

function isSame(origin: string, host: string): boolean {
  return /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase();
}
