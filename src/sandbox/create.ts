import type { AppArmorRecords } from '../confine/apparmor-record.js';
import type { ExpectedMount } from '../confine/request.js';
import { initName } from '../confine/seccomp/profile.js';
import { type ErrorCode, PaddockError, SandboxError, toPaddockError } from '../core/errors.js';
import type { ControlId } from '../core/evidence.js';
import type { CommandPath } from '../core/exec.js';
import type { SandboxSpec } from '../core/spec.js';
import type { ContainerState, Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import type { ApprovalContext, ApprovedMount, HostObject } from '../workspace/approve.js';
import { type BindMount, bindsOf, type WriteLayer } from '../workspace/binds.js';
import { awaitInit } from './await-init.js';
import { dockerBody } from './body/docker.js';
import { type BodyInput, initArgv, type UserMapping } from './body/input.js';
import { podmanBody } from './body/podman.js';
import type { CgroupKeeper } from './cgroups/cgroup-keeper.js';
import { openCommandCgroups } from './cgroups/open.js';
import { bodyMounts, expectedMounts, usable } from './create-mounts.js';
import type { EngineView } from './engine-view.js';
import { type Entry, prepareEntry } from './entry.js';
import { boottimeMs, profileFor, selinuxFacts } from './host-facts.js';
import { coveringVolumes, environment } from './image-parts.js';
import type { ImageStore, ReadyImage } from './images.js';
import { emptyFolderBeside } from './init-binary.js';
import { networkHelperFor } from './network-helper.js';
import type { PipeMaker } from './pipe-maker.js';
import { prove } from './prove.js';
import { refuseBroken, refuseUnmet } from './refuse-unmet.js';
import { Sandbox, type SandboxChannel } from './sandbox.js';
import { type SeccompFiles, type StagedSeccomp, seccompOf } from './seccomp-files.js';

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

/** What making a sandbox needs besides its spec; one per process. */
export interface SandboxMaker {
  readonly engine: Engine;
  readonly images: ImageStore;
  readonly clock: Clock;
  /** Our process 1, in a folder of ours. */
  readonly init: BindMount;
  readonly seccomp: SeccompFiles;
  /** What the AppArmor profile that is loaded is held against. */
  readonly apparmor?: AppArmorRecords;
  readonly pipes: PipeMaker;
  readonly cgroups: CgroupKeeper;
  /** How commands get into the sandboxes. */
  readonly commandPath: CommandPath;
  /** The most that a sandbox may live, however often its deadline is put off. */
  readonly lifetimeCeilingMs: number;
  readonly approval: ApprovalContext;
  readonly callerUid: number;
  readonly mappableIds: number;
  /** Whether the report of a process 1 that can't be seen from here counts as evidence; absent: it does not. */
  readonly isReportAccepted?: boolean;
  /** In a container: what the engine sees of our paths. */
  readonly view?: EngineView | undefined;
}

/** What names a sandbox and marks it as ours. */
export interface SandboxIdentity {
  readonly containerName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A folder of ours for this session's channel; made when needed, gone with the sandbox. */
  readonly channelFolder: string;
  /** Whether it outlives the process that makes it. */
  readonly detached: boolean;
}

/**
 * Makes a container from a spec, starts our process 1 in it, and proves it: evidence is read from the kernel before
 * any command can run. Whatever fails, nothing stays, or the error is a SandboxLeft. Errors: PolicyDenied (a host path), IMAGE_NOT_FOUND,
 * IMAGE_REFUSED, CONTROL_NOT_ENFORCED (a control that policy requires), SANDBOX_UNVERIFIED (a control of the floor),
 * EngineError, INTERRUPTED. The caller disposes the sandbox.
 */
export async function createSandbox(
  maker: SandboxMaker,
  asked: SandboxSpec,
  approved: readonly ApprovedPath[],
  identity: SandboxIdentity,
  signal?: AbortSignal,
): Promise<Sandbox> {
  const { image, uptimeMs, entry, seccomp, selinux, networkHelper } = await prepared(maker, asked, identity, signal);
  const { selinuxEnforcing, selinuxType } = selinux;
  const binds = [...image.binds, ...approved.flatMap(({ mount, target, ...taking }) => bindsOf(mount, target, taking))];
  const ours = [maker.init, ...entry.binds];
  const spec = coveringVolumes(asked, image, binds);
  const first = { ...firstProcess(uptimeMs + spec.lifetimeMs, entry, seccomp), seccomp, selinuxType };
  const body = bodyFor(maker.engine, {
    ...{ name: identity.containerName, labels: identity.labels, image: image.engineName },
    spec,
    env: environment(image, spec),
    mapping: mappingFor(maker, image),
    mounts: bodyMounts(binds, ours),
    ...{ initArgv: first.initArgv, stdinOpen: entry.stdinOpen },
    engineTimeoutMs: longestLifetimeMs(maker, asked),
    ...{ seccomp, selinuxEnforcing, selinuxType: selinux.isTypeThere ? selinuxType : undefined },
    ...{ emptyFolder: emptyFolderBeside(maker.init), networkHelper },
  });
  const mayOverlay = selinuxEnforcing && maker.engine.identity.kind === 'podman';
  const mounts = expectedMounts(binds, ours, mayOverlay, emptyFolderBeside(maker.init));
  try {
    await maker.view?.check(engineSources([...binds, ...ours], seccomp), signal);
    // Not cut off by the signal: an engine goes on creating when its client is gone, and then there is something to
    // remove that was not there when we looked. Both calls have deadlines of their own.
    const creating = maker.engine.createContainer(identity.containerName, body);
    const { id } = await bothOf(creating, entry.prepare());
    const started = await startedInit(maker, id, first, entry, signal);
    const sandbox = await verified(maker, spec, started, { mounts, notes: image.notes, ...first }, signal);
    return selinuxEnforcing ? await usable(sandbox, maker.engine, binds.slice(image.binds.length), signal) : sandbox;
  } catch (error) {
    if (toPaddockError(error).code === 'IMAGE_NOT_FOUND') maker.images.forgetHost();
    const thrown = await afterRemoval(maker.engine, identity.containerName, error);
    await entry[Symbol.asyncDispose]();
    throw thrown;
  }
}

/**
 * The most that a sandbox can live. No engine can be told another time later, so where process 1 can be, the engine's own clock is
 * set for the latest moment there is.
 */
export function longestLifetimeMs(
  { commandPath, lifetimeCeilingMs }: Pick<SandboxMaker, 'commandPath' | 'lifetimeCeilingMs'>,
  { lifetimeMs }: Pick<SandboxSpec, 'lifetimeMs'>,
): number {
  return commandPath === 'exec' ? lifetimeMs : Math.max(lifetimeMs, lifetimeCeilingMs);
}

/** With the engine's exec commands have what the container has: the limit of one file stays what it is then. */
export function asMade(spec: SandboxSpec, { commandPath }: Pick<SandboxMaker, 'commandPath'>): SandboxSpec {
  if (commandPath !== 'exec') return spec;
  const limits = { ...spec.limits };
  delete limits.fsizeMostBytes;
  return { ...spec, limits };
}

/** The first, when both are done: what is still under way when the other fails would outlive its removal. */
async function bothOf<T>(first: Promise<T>, second: Promise<unknown>): Promise<T> {
  await Promise.allSettled([first, second]);
  const value = await first;
  await second;
  return value;
}

/** What to throw once the container of a failed creation is gone, or may not be. */
async function afterRemoval(engine: Engine, name: string, error: unknown): Promise<unknown> {
  // By name: the engine may have made the container although its answer was lost.
  const isGone = await engine.removeContainer(name).catch(() => undefined);
  const isLost = error instanceof PaddockError && lostAnswers.includes(error.code);
  return isGone === undefined || (isLost && !isGone) ? new SandboxLeft(toPaddockError(error)) : error;
}

/** What the create request is made of, gathered at the same time; the caller disposes the entry. */
async function prepared(maker: SandboxMaker, asked: SandboxSpec, identity: SandboxIdentity, signal?: AbortSignal) {
  const { engine, clock, commandPath, pipes } = maker;
  const { channelFolder: folder, detached } = identity;
  maker.view?.refuseImage(asked.image);
  const entering = prepareEntry({ path: commandPath, engine, clock, pipes, folder, detached });
  try {
    const [image, uptimeMs, networkHelper, entry] = await Promise.all([
      maker.images.ready(asked.image, signal),
      boottimeMs(),
      networkHelperFor(engine, asked.network, signal),
      // With the others: a refusal that nobody waits for yet would end the whole process.
      entering,
    ]);
    const selinux = selinuxFacts(asked.seccomp ?? 'default');
    return { image, uptimeMs, selinux, entry, networkHelper, seccomp: seccompOf(maker.seccomp, asked) };
  } catch (error) {
    await entering.then(
      (entry) => entry[Symbol.asyncDispose](),
      () => undefined,
    );
    throw error;
  }
}

/** Every path that the engine is told. */
function engineSources(binds: readonly BindMount[], seccomp: StagedSeccomp): readonly string[] {
  return [
    ...binds.flatMap(({ source, layer }) => [source, ...(layer === undefined ? [] : [layer.upper])]),
    seccomp.path,
  ];
}

/** After these an engine may still come up with the container that was asked for. */
const lostAnswers: readonly ErrorCode[] = ['ENGINE_TIMEOUT', 'ENGINE_UNAVAILABLE', 'INTERRUPTED'];

/** The error of a creation of which something may be left: its record, the proof that it is ours, has to stay. */
export class SandboxLeft extends SandboxError {
  constructor(cause: PaddockError) {
    super(cause.code, cause.message, { info: cause.info, hint: cause.hint, cause });
  }
}

/** A host path that passed its checks, and where it is to appear. */
export interface ApprovedPath {
  readonly mount: ApprovedMount;
  readonly target: string;
  /** What takes the writing, where it is shown copy-on-write. */
  readonly layer?: WriteLayer;
  /** A copy of it that is shown in its place, for the same. */
  readonly copy?: HostObject;
}

interface Started {
  readonly state: ContainerState;
  readonly channel: SandboxChannel | undefined;
}

/** Starts the container and waits until its process 1 is our program: it answers on the channel, or shows its arguments. */
async function startedInit(
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

function firstProcess(
  deadlineBoottimeMs: number,
  entry: Entry,
  { variant }: StagedSeccomp,
): Pick<Expected, 'initArgv' | 'apparmorProfile'> {
  const apparmorProfile = profileFor(entry.path, variant);
  return { initArgv: initArgv(deadlineBoottimeMs, entry.initWords, apparmorProfile), apparmorProfile };
}

interface Expected {
  readonly mounts: readonly ExpectedMount[];
  /** Of the image, for whoever asked. */
  readonly notes: readonly string[];
  readonly initArgv: readonly string[];
  readonly apparmorProfile: string | undefined;
  readonly selinuxType: string | undefined;
  readonly seccomp: StagedSeccomp;
}

async function verified(
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

function mappingFor(maker: SandboxMaker, image: ReadyImage): UserMapping {
  if (maker.engine.identity.kind === 'docker') return { kind: 'daemon' };
  return { kind: image.isSmall ? 'keep-id' : 'identity', sizeIds: maker.mappableIds };
}

function bodyFor(engine: Engine, input: BodyInput): Record<string, unknown> {
  return engine.identity.kind === 'podman' ? podmanBody(input) : dockerBody(input);
}
