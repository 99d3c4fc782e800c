import type { ServerResponse } from 'node:http';

/** Why a request never got to a tool; the audit log says it in these words. */
export type HttpRefusalReason =
  | 'headers'
  | 'host'
  | 'origin'
  | 'query'
  | 'path'
  | 'method'
  | 'no-key'
  | 'wrong-key'
  | 'wrong-token'
  | 'no-grant'
  | 'scope'
  | 'issuer'
  | 'keys'
  | 'content-type'
  | 'too-large'
  | 'not-json'
  | 'not-a-message'
  | 'reused-id'
  | 'no-mcp-session'
  | 'too-many'
  | 'draining';

const statuses: Readonly<Record<HttpRefusalReason, number>> = {
  headers: 431,
  host: 403,
  origin: 403,
  query: 400,
  path: 404,
  method: 405,
  'no-key': 401,
  'wrong-key': 401,
  'wrong-token': 401,
  'no-grant': 403,
  scope: 403,
  issuer: 503,
  keys: 503,
  'content-type': 415,
  'too-large': 413,
  'not-json': 400,
  'not-a-message': 400,
  'reused-id': 400,
  'no-mcp-session': 404,
  'too-many': 429,
  draining: 503,
};

/** JSON-RPC's own where it has one. */
const rpcCodes: Readonly<Partial<Record<HttpRefusalReason, number>>> = {
  'not-json': -32700,
  'not-a-message': -32600,
  'reused-id': -32600,
  'no-mcp-session': -32001,
};

/** A request that is answered before MCP sees it. Its text names nothing that the caller does not know. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal';
  readonly reason: HttpRefusalReason;
  readonly headers: Readonly<Record<string, string>>;
  /** What exactly failed, in a word of ours: for the log and the audit log, and nobody else. */
  readonly check: string | undefined;

  constructor(
    reason: HttpRefusalReason,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    check?: string,
  ) {
    super(message);
    this.reason = reason;
    this.headers = headers;
    this.check = check;
  }

  get status(): number {
    return statuses[this.reason];
  }
}

/** Answers it and hangs up: what else the connection brings is not read, so that nobody is paid for sending it. */
export function sendRefusal(response: ServerResponse, refusal: HttpRefusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { reason, message, status, headers } = refusal;
  const error = { code: rpcCodes[reason] ?? -32000, message };
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    connection: 'close',
    ...headers,
  });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
}
