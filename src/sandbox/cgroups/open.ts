import type { Channel } from '../../channel/types.js';
import type { Evidence } from '../../core/evidence.js';
import type { EngineKind } from '../../engine/types.js';
import type { Clock } from '../../kit/clock.js';
import { outOfSight } from '../init-identity.js';
import { type CgroupKeeper, CgroupRefused } from './cgroup-keeper.js';
import { CommandCgroups } from './command-cgroups.js';
import type { SandboxInit } from './host-pid.js';

/** Why the commands of a sandbox have no cgroups of their own, in words. */
export type NoCommandCgroups = string;

export interface OpenCommandCgroups {
  readonly keeper: CgroupKeeper;
  readonly engineKind: EngineKind;
  readonly handle: SandboxInit & { readonly containerId: string; readonly evidence: Evidence };
  readonly channel: Channel | undefined;
  readonly clock: Clock;
}

/** Never rejects: a sandbox without is a sandbox all the same, and says why. */
export function openCommandCgroups(options: OpenCommandCgroups): Promise<CommandCgroups | NoCommandCgroups> {
  const { keeper, engineKind, handle, channel, clock } = options;
  if (channel === undefined) return Promise.resolve('commands go through the engine');
  if (handle.initPid === outOfSight) return Promise.resolve('the sandbox can not be seen from here');
  if (engineKind !== 'podman') return Promise.resolve('the engine has no folder for them that is ours to divide');
  const isLimited = (['memory', 'pids'] as const).every((id) =>
    handle.evidence.controls.some((control) => control.id === id && control.status === 'enforced'),
  );
  if (!isLimited) return Promise.resolve('the sandbox has no cgroup that limits its memory and its processes');
  return opened(keeper, handle, channel, clock).catch((error: unknown) => {
    const why = error instanceof CgroupRefused ? error.message : String(error);
    return `the sandbox's cgroup could not be divided (${why})`;
  });
}

async function opened(
  keeper: CgroupKeeper,
  handle: OpenCommandCgroups['handle'],
  channel: Channel,
  clock: Clock,
): Promise<CommandCgroups> {
  const cgroups = await CommandCgroups.open(keeper, handle, clock);
  await cgroups.takeOver(channel.known.map((known) => known.id));
  return cgroups;
}
