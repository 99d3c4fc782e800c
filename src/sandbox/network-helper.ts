import { SandboxError } from '../core/errors.js';
import type { NetworkMode } from '../core/spec.js';
import type { Engine } from '../engine/types.js';
import type { NetworkHelper } from './body/input.js';

/** In which the option is that keeps an address from being mapped to the host. */
const pastaFloor = 20_240_814;

/**
 * By what a rootless Podman is to join a sandbox to the network; undefined where nothing has to be said. slirp4netns where the engine has it: it
 * needs no option of a later version to keep the host's loopback closed. Errors: SANDBOX_UNVERIFIED where neither can keep it closed.
 */
export async function networkHelperFor(
  engine: Engine,
  network: NetworkMode,
  signal?: AbortSignal,
): Promise<NetworkHelper | undefined> {
  if (network !== 'open' || engine.identity.kind !== 'podman') return undefined;
  const { components } = await engine.info(signal);
  const versionOf = (name: NetworkHelper) => components.find((part) => part.name === name)?.version;
  if (versionOf('slirp4netns') !== undefined) return 'slirp4netns';
  const released = /(\d{4})_?(\d{2})_?(\d{2})/
    .exec(versionOf('pasta') ?? '')
    ?.slice(1)
    .join('');
  if (Number(released ?? 0) >= pastaFloor) return 'pasta';
  throw new SandboxError(
    'SANDBOX_UNVERIFIED',
    'network open needs slirp4netns, or pasta of August 2024 or later: the engine has neither, and the host’s loopback would be open',
    { hint: 'Install slirp4netns, or ask for network allowlist.' },
  );
}
