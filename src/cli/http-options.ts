import type { CliOptions } from './command.js';
import { openingOptions } from './http-opening.js';

/** Apart from the server, which is only loaded where one of them is given. */
export const httpOptions = {
  ...openingOptions,
  'tls-cert': { type: 'string', help: 'with --http: file of the certificate chain, PEM' },
  'tls-key': { type: 'string', help: 'with --http: file of its key, your own with mode 0600' },
  'behind-proxy': { type: 'boolean', help: 'with --http: TLS is spoken by a proxy in front' },
  'host-name': { type: 'string', multiple: true, help: 'with --http: name that clients know it by; repeatable' },
  calls: { type: 'string', help: 'with --http: calls a minute of all keys together (default: 6000)' },
  creates: { type: 'string', help: 'with --http: sessions made an hour by all keys together (default: 600)' },
  'cpu-time': {
    type: 'string',
    help: 'with --http: processor time of the sessions of all keys a day, such as 40h (default: no limit)',
  },
  'egress-bytes': {
    type: 'string',
    help: 'with --http: bytes of the sessions of all keys to and from outside a day (default: no limit)',
  },
  canary: {
    type: 'string',
    help: 'with --http: how often a sandbox is made to prove that limits hold, or off; default 1h',
  },
  origin: { type: 'string', multiple: true, help: 'with --http: web pages that may speak to it; repeatable' },
} as const satisfies CliOptions;
