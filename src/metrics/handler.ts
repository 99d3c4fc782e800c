import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopback } from '../kit/loopback.js';

/** What is shown, and how it is called in HTTP. */
export interface Shown {
  readonly contentType: string;
  text(): Promise<string>;
}

/**
 * Answers GET /metrics and nothing else, for a listener of its own or as a part of another. Whoever it answers has been let in already. It
 * never rejects.
 */
export async function answerMetrics(shown: Shown, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url } = request;
  if (url !== '/metrics') {
    end(response, 404, 'there is only /metrics\n');
    return;
  }
  if (method !== 'GET') {
    end(response, 405, 'only GET\n', { allow: 'GET' });
    return;
  }
  try {
    end(response, 200, await shown.text(), { 'content-type': shown.contentType });
  } catch {
    end(response, 500, 'the metrics could not be read\n');
  }
}

/**
 * Whether a request to a port of the loopback means it. A page in a browser can have a name of its own lead to 127.0.0.1 and read what
 * answers; the name it asked for still stands in the request.
 */
export function isMeantForLoopback({ headers: { host = '', origin } }: IncomingMessage): boolean {
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1');
  return origin === undefined && (name.toLowerCase() === 'localhost' || isLoopback(name));
}

export function end(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  // A reader comes again in seconds, on a connection of its own: none is kept, and no body of a request is waited for.
  const usual = { 'content-type': 'text/plain; charset=utf-8', connection: 'close', 'cache-control': 'no-store' };
  response.writeHead(status, { ...usual, 'x-content-type-options': 'nosniff', ...headers });
  response.end(text);
}
