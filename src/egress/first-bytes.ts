import type { Duplex } from 'node:stream';
import type { Host } from '../policy/egress/host.js';
import { readHost } from '../policy/egress/host.js';
import { refuse } from '../policy/egress/refuse.js';
import type { Scheme } from '../policy/egress/rule.js';
import type { Denied } from '../policy/verdict.js';
import { mostHelloBytes, readClientHello } from './client-hello.js';
import { take } from './take.js';

export type FirstBytes =
  | { readonly kind: 'tls'; readonly serverName?: string }
  | { readonly kind: 'http' }
  | { readonly kind: 'other'; readonly problem: string };

/** A method and a space; the methods that are registered have at most 17 letters, and one has a hyphen. */
const method = /^[A-Z][A-Z-]{0,19} /;
const methodSoFar = /^[A-Z][A-Z-]{0,19}$/;

/** Looks at what a client sends first, which all stays there to be read. Rejects as `take` does. */
export function peekFirstBytes(stream: Duplex, signal: AbortSignal): Promise<FirstBytes> {
  const read = (bytes: Buffer) => {
    const value = tell(bytes);
    return value === undefined ? undefined : { value, used: 0 };
  };
  return take(stream, read, { mostBytes: mostHelloBytes, signal });
}

function tell(bytes: Buffer): FirstBytes | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === 0x16) {
    const reading = readClientHello(bytes);
    if (reading.kind === 'more') return undefined;
    if (reading.kind === 'bad') return { kind: 'other', problem: `the TLS hello is malformed: ${reading.problem}` };
    return reading.serverName === undefined ? { kind: 'tls' } : { kind: 'tls', serverName: reading.serverName };
  }
  const text = bytes.subarray(0, 24).toString('latin1');
  if (method.test(text)) return { kind: 'http' };
  if (methodSoFar.test(text)) return undefined;
  return { kind: 'other', problem: 'what is sent is neither TLS nor an HTTP request' };
}

/** Whether what is sent fits the rules and the host; `tcp` is not asked about, since nobody looks then. */
export function judgeFirstBytes(first: FirstBytes, host: Host, schemes: readonly Scheme[]): Denied | undefined {
  if (first.kind === 'other') return refuse('egress.protocol', first.problem);
  if (first.kind === 'http') {
    return schemes.includes('http')
      ? undefined
      : refuse('egress.protocol', 'plain text is sent where only TLS is allowed');
  }
  if (!schemes.includes('https')) return refuse('egress.protocol', 'TLS is sent where only plain requests are allowed');
  return judgeServerName(first.serverName, host);
}

/**
 * The server decides by this name whose connection it is. With an encrypted hello (ECH) it is the outer name, which is all that can be
 * seen. Clients name no address, so that one may be missing.
 */
function judgeServerName(serverName: string | undefined, host: Host): Denied | undefined {
  if (serverName === undefined) {
    return host.kind === 'address'
      ? undefined
      : refuse('egress.server-name', `TLS names no server, and not ${host.text}`);
  }
  const named = readHost(serverName);
  if ('host' in named && named.host.text === host.text) return undefined;
  return refuse('egress.server-name', `TLS names ${serverName}, and the connection was asked for ${host.text}`);
}
