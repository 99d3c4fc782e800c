import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { BrokerRefused } from './rules.js';

/** Providers' clients show `error.message`; the rest is for programs. */
function json(refused: BrokerRefused): string {
  const { ruleId, message, hint } = refused;
  const error = { type: typeOf(refused.status), message: sentence(refused), code: ruleId, reason: message, hint };
  return `${JSON.stringify({ type: 'error', error })}\n`;
}

function sentence({ ruleId, message, hint }: BrokerRefused): string {
  return `Refused by Paddock [rule ${ruleId}]: ${message}. Next: ${hint}`;
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error';
  if (status === 403) return 'permission_error';
  if (status === 404) return 'not_found_error';
  return status >= 500 ? 'api_error' : 'invalid_request_error';
}

/** Answers a refusal. What of the request was not read yet is not waited for: the connection ends with the answer. */
export function refuse(response: ServerResponse, refused: BrokerRefused, form: 'json' | 'text'): void {
  const text = form === 'json' ? json(refused) : `${sentence(refused)}\n`;
  response.writeHead(refused.status, {
    'content-type': form === 'json' ? 'application/json' : 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'x-paddock-rule': refused.ruleId,
    // The providers' clients call again on 429 and 5xx unless they are told; only these are worth it.
    'x-should-retry': ['broker.busy', 'broker.upstream', 'broker.upstream-slow'].includes(refused.ruleId)
      ? 'true'
      : 'false',
    connection: 'close',
  });
  response.end(text);
}

/** Answers what Node's parser did not take for a request: there is no response object then. */
export function refuseRaw(connection: Duplex, detail: string, status: number): void {
  const text = json(new BrokerRefused('broker.request', detail));
  const head = [
    `HTTP/1.1 ${status} Refused`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  connection.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
