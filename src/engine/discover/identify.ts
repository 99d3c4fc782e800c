import { EngineError } from '../../core/errors.js';
import type { Reply, Transport } from '../transport/transport.js';
import type { EngineKind } from '../types.js';

export interface Identified {
  readonly kind: EngineKind;
  readonly version: string;
  /** Highest Docker API version that it speaks. */
  readonly apiVersion: string;
}

const version = /^\d[\w.+~-]{0,63}$/;

/**
 * Who answers, by the headers of `/_ping`: `Libpod-API-Version` is Podman's mark, and `docker.sock` is often a link to
 * it, so paths tell nothing. Anything else is ENGINE_PROTOCOL.
 */
export async function identify(transport: Transport, signal?: AbortSignal): Promise<Identified> {
  // A socket-activated service starts with this call; Podman's first start after boot may take its time.
  return identityOf(await transport.call({ method: 'GET', path: '/_ping', signal, timeoutMs: 20_000 }));
}

function identityOf(ping: Reply): Identified {
  const apiVersion = header(ping, 'api-version');
  const libpod = header(ping, 'libpod-api-version');
  if (version.test(libpod)) return { kind: 'podman', version: libpod, apiVersion };
  const docker = /^Docker\/(\S+)/.exec(header(ping, 'server'))?.[1] ?? '';
  if (version.test(docker)) return { kind: 'docker', version: docker, apiVersion };
  throw new EngineError('ENGINE_PROTOCOL', 'what answers there is neither Podman nor Docker');
}

function header(reply: Reply, name: string): string {
  const value = reply.headers[name];
  return typeof value === 'string' ? value : '';
}
