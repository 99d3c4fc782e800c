import { toPaddockError } from '../core/errors.js';
import { EngineClient } from './client.js';
import { type DiscoverOptions, discover, nothingFound, type Tried } from './discover/discover.js';
import { identify } from './discover/identify.js';
import { findPodman, PodmanService } from './service/podman-service.js';
import { Transport } from './transport/transport.js';
import type { Engine } from './types.js';

export interface OpenEngineOptions extends DiscoverOptions {
  /** Whether a Podman service may be started when none is found; on by default. */
  readonly startAllowed?: boolean;
}

/**
 * Finds the engine, or starts a Podman service of our own when Podman is installed and nothing usable listens. The
 * caller disposes of the engine, which ends such a service.
 *
 * Fails closed: an engine that runs as root is refused before anything is made on it (ENGINE_ROOTFUL), as are TCP and
 * ssh (ENGINE_ENDPOINT_REFUSED); NO_ENGINE lists everything that was tried, and why not.
 */
export async function openEngine(options: OpenEngineOptions): Promise<Engine> {
  const discovery = await discover(options);
  if ('tried' in discovery) return await startOwn(options, discovery.tried);
  const { kind, version, apiVersion, address, origin, transport } = discovery.found;
  const identity = { kind, version, socketPath: address, origin, startedByUs: false };
  return new EngineClient(identity, apiVersion, transport);
}

async function startOwn(options: OpenEngineOptions, tried: readonly Tried[]): Promise<Engine> {
  const here = { origin: 'started', endpoint: 'podman system service' };
  const refuse = (why: string, code: string) => nothingFound([...tried, { ...here, why, code }]);
  if (options.startAllowed === false) throw nothingFound(tried);
  // Root's own Podman would be a rootful engine.
  if (options.uid === 0 && !options.policy.rootfulAllowed) throw refuse('would run as root', 'ENGINE_ROOTFUL');
  const podmanPath = await findPodman(options.env);
  if (podmanPath === undefined) throw refuse('PATH leads to no podman that belongs to root', 'NO_ENGINE');
  const service = await PodmanService.start({ ...options, podmanPath }).catch((thrown: unknown) => {
    const error = toPaddockError(thrown);
    throw error.code === 'INTERRUPTED' ? error : refuse(error.message, error.code);
  });
  const transport = new Transport({ socketPath: service.socketPath });
  try {
    const { kind, version, apiVersion } = await identify(transport, options.signal);
    const identity = { kind, version, socketPath: service.socketPath, origin: here.origin, startedByUs: true };
    return new EngineClient(identity, apiVersion, transport, service);
  } catch (thrown) {
    await transport[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
    throw thrown;
  }
}

export { sweepServiceFolders } from './service/folder.js';
