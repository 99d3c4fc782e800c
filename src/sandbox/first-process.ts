import type { ExpectedMount } from '../confine/request.js';
import { initName } from '../confine/seccomp/profile.js';
import { SandboxError } from '../core/errors.js';
import type { ControlId } from '../core/evidence.js';
import type { SandboxSpec } from '../core/spec.js';
import type { ContainerState } from '../engine/types.js';
import { awaitInit } from './await-init.js';
import { initArgv } from './body/input.js';
import { openCommandCgroups } from './cgroups/open.js';
import type { Entry } from './entry.js';
import { profileFor } from './host-facts.js';
import type { SandboxMaker } from './maker.js';
import { prove } from './prove.js';
import { refuseBroken, refuseUnmet } from './refuse-unmet.js';
import { Sandbox, type SandboxChannel } from './sandbox.js';
import type { StagedSeccomp } from './seccomp-files.js';

/**
 * Controls without which there is no sandbox: they don't depend on what a host delegates, so a kernel that does not
 * confirm one means that something is wrong, and the container is removed before anything foreign has run in it.
 */
export const floor: readonly ControlId[] = [
  'rootless',
  'user',
  'capabilities',
  'no-new-privileges',
  'seccomp',
  'read-only-root',
  'mounts',
  'masked-paths',
  'namespaces',
  'network',
  'tmpfs',
  'deadline',
];

interface Started {
  readonly state: ContainerState;
  readonly channel: SandboxChannel | undefined;
}

/** Starts the container and waits until its process 1 is our program: it answers on the channel, or shows its arguments. */
export async function startedInit(
  maker: SandboxMaker,
  id: string,
  { initArgv: argv, seccomp }: Omit<Expected, 'mounts' | 'notes'>,
  entry: Entry,
  signal?: AbortSignal,
): Promise<Started> {
  signal?.throwIfAborted();
  await entry.attach(id);
  await maker.engine.startContainer(id);
  signal?.throwIfAborted();
  const [state, channel] = await Promise.all([maker.engine.inspectContainer(id, signal), entry.open(signal)]);
  if (channel === undefined) {
    await awaitInit(state.pid, { argv, name: initName(seccomp.fingerprint) }, maker.clock, signal);
  }
  return { state, channel };
}

/** What process 1 is told, and under which AppArmor profile it begins. */
export function firstProcess(
  deadlineBoottimeMs: number,
  entry: Entry,
  { variant }: StagedSeccomp,
): Pick<Expected, 'initArgv' | 'apparmorProfile'> {
  const apparmorProfile = profileFor(entry.path, variant);
  return { initArgv: initArgv(deadlineBoottimeMs, entry.initWords, apparmorProfile), apparmorProfile };
}

/** What the running container is held against, besides its spec. */
interface Expected {
  readonly mounts: readonly ExpectedMount[];
  /** Of the image, for whoever asked. */
  readonly notes: readonly string[];
  readonly initArgv: readonly string[];
  readonly apparmorProfile: string | undefined;
  readonly selinuxType: string | undefined;
  readonly seccomp: StagedSeccomp;
}

/**
 * The sandbox, once the kernel has confirmed what its spec asks for. Errors: CONTROL_NOT_ENFORCED, SANDBOX_UNVERIFIED; the caller removes
 * the container then.
 */
export async function verified(
  maker: SandboxMaker,
  spec: SandboxSpec,
  { state, channel }: Started,
  expected: Expected,
  signal?: AbortSignal,
): Promise<Sandbox> {
  if (!state.running) {
    throw new SandboxError('SANDBOX_UNVERIFIED', `process 1 ended at once, with status ${state.exitCode}`);
  }
  const request = {
    pid: state.pid,
    spec,
    claims: state.claims,
    engineKind: maker.engine.identity.kind,
    approvedMounts: expected.mounts,
    callerUid: maker.callerUid,
    initArgv: expected.initArgv,
    ...{ apparmorProfile: expected.apparmorProfile, selinuxType: expected.selinuxType },
    apparmorRecords: maker.apparmor,
    seccomp: expected.seccomp,
    nowMs: maker.clock.now(),
  };
  const { isReportAccepted = false } = maker;
  const { evidence, ...init } = await prove(request, state.exitCode, { channel, isReportAccepted, signal });
  refuseBroken(evidence, floor);
  refuseUnmet(evidence, spec);
  const handle = { containerId: state.id, ...init, spec, evidence };
  const { engine, clock, cgroups: keeper } = maker;
  // While nobody waits for it: moving process 1 takes milliseconds.
  const cgroups = openCommandCgroups({
    ...{ keeper, engineKind: engine.identity.kind, handle, channel: channel?.channel, clock },
  });
  return new Sandbox(handle, engine, clock, channel, cgroups, expected.notes);
}
