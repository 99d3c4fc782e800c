import { isAbsolute } from 'node:path';
import { PaddockError } from '../core/errors.js';
import { isLoopback } from '../kit/loopback.js';

/** Where metrics are served: a Unix socket, or a port on the loopback. */
export type MetricsAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * Reads `unix:/path`, `127.0.0.1:PORT` or `[::1]:PORT`. Anything that others could reach is refused, as are names, which anybody who answers
 * for them could lead elsewhere. Errors: BAD_ARGUMENT.
 */
export function readMetricsAddress(text: string): MetricsAddress {
  const path = /^unix:(.*)$/s.exec(text)?.[1];
  if (path !== undefined) {
    if (!isAbsolute(path) || path.includes('\0')) throw notOne(`unix: needs an absolute path, not ${path}`);
    return { path };
  }
  const [, host = '', digits = ''] = /^(\[[0-9a-f:]+\]|[0-9.]+):(\d{1,5})$/i.exec(text) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const port = Number(digits);
  if (digits === '' || port > 65_535 || !isLoopback(bare)) throw notOne(`metrics are not served at ${text}`);
  return { host: bare, port };
}

function notOne(what: string): PaddockError {
  return new PaddockError('BAD_ARGUMENT', what, {
    hint: 'Give unix:/path/of/a.sock, 127.0.0.1:PORT or [::1]:PORT; what others should read goes through a proxy that knows them.',
  });
}
