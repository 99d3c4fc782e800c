import { EngineError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import type { Address } from '../transport/transport.js';

export interface EndpointRules {
  /** Whether the site's policy lets an engine be reached over TCP. */
  readonly tcpAllowed: boolean;
}

/** `sun_path` holds 108 bytes with its closing NUL. */
export const maxSocketPathBytes = 107;

/**
 * `unix:///path`, an absolute path, or (where allowed) `tcp://host:port`. Everything else is refused with
 * ENGINE_ENDPOINT_REFUSED: ssh and TLS endpoints are other machines' engines, which can't show this machine's files.
 */
export function parseEndpoint(text: string, origin: string, rules: EndpointRules): Address {
  const refuse = (why: string): EngineError =>
    new EngineError('ENGINE_ENDPOINT_REFUSED', `${origin} is "${safeLine(text, 120)}": ${why}`, { info: { origin } });
  const socketPath = /^(?:unix:\/\/)?(\/.*)$/s.exec(text)?.[1];
  if (socketPath !== undefined) {
    if (/\p{Cc}/u.test(socketPath)) throw refuse('a socket path without control characters is needed');
    if (Buffer.byteLength(socketPath) > maxSocketPathBytes)
      throw refuse(`a socket path has at most ${maxSocketPathBytes} bytes`);
    return { socketPath };
  }
  const host = /^(?:tcp|http):\/\/([^/@\s]+)\/?$/.exec(text)?.[1];
  if (host === undefined) throw refuse('only Unix sockets can be used');
  if (!rules.tcpAllowed) throw refuse('TCP endpoints are refused unless the site policy allows them');
  const address = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined;
  if (address?.port === undefined || address.port === '') throw refuse('host and port are needed');
  return { origin: address.origin };
}

export function describeAddress(address: Address): string {
  return address.socketPath ?? address.origin;
}
