import { STATUS_CODES } from 'node:http';
import { withPort } from '../policy/egress/host.js';
import type { Denied } from '../policy/verdict.js';
import type { OutsideFailure } from './failure.js';

/** What a client is told instead of what it asked for. */
export interface PlainAnswer {
  readonly status: number;
  /** RFC 9209. */
  readonly proxyStatus: string;
  readonly body: string;
}

export function denialAnswer(denied: Denied, target: { readonly host: string; readonly port: number }): PlainAnswer {
  const place = target.port > 0 ? withPort(target.host, target.port) : target.host;
  const body = `blocked by paddock: ${ascii(place)} (rule ${denied.ruleId}): ${denied.reason}. ${denied.hint}\n`;
  const status = denied.ruleId === 'egress.request' ? 400 : denied.ruleId === 'egress.limit' ? 503 : 403;
  return { status, proxyStatus: `paddock; error=http_request_denied; details="${denied.ruleId}"`, body };
}

export function failureAnswer(failure: OutsideFailure): PlainAnswer {
  const error = {
    unresolved: 'dns_error',
    refused: 'connection_refused',
    timeout: 'connection_timeout',
    unreachable: 'destination_ip_unroutable',
  }[failure.kind];
  const status = failure.kind === 'timeout' ? 504 : 502;
  return { status, proxyStatus: `paddock; error=${error}`, body: `paddock: ${failure.message}\n` };
}

/** For a connection that no response object is bound to. */
export function answerText({ status, proxyStatus, body }: PlainAnswer): string {
  const headers = [...answerHeaders({ status, proxyStatus, body }), 'Connection', 'close'];
  const lines = Array.from({ length: headers.length / 2 }, (_, at) => `${headers[at * 2]}: ${headers[at * 2 + 1]}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

export function answerHeaders({ proxyStatus, body }: PlainAnswer): string[] {
  const length = String(Buffer.byteLength(body));
  return ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', length, 'Proxy-Status', proxyStatus];
}

/** A refused host may be any text. */
function ascii(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 253);
}
