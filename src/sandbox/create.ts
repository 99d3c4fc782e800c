import { readEvidence } from '../confine/evidence.js';
import type { ExpectedMount } from '../confine/request.js';
import { type ErrorCode, PaddockError, SandboxError, toPaddockError } from '../core/errors.js';
import { type ControlId, type Evidence, unmet } from '../core/evidence.js';
import type { SandboxSpec } from '../core/spec.js';
import type { ContainerState, Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import { baseEnv } from '../policy/surroundings.js';
import type { ApprovalContext, ApprovedMount } from '../workspace/approve.js';
import { type BindMount, bindsOf } from '../workspace/binds.js';
import { awaitInit } from './await-init.js';
import { dockerBody } from './body/docker.js';
import { type BodyInput, type BodyMount, imageVolumeTmpfs, initArgv, type UserMapping } from './body/input.js';
import { isThroughOverlay, podmanBody } from './body/podman.js';
import { boottimeMs, selinuxEnforcing } from './host-facts.js';
import type { ImageStore, ReadyImage } from './images.js';
import { emptyFolderBeside } from './init-binary.js';

import { pidNamespaceOf, startTicksOf } from './processes.js';

import { proveAccess } from './prove-access.js';
import { Sandbox } from './sandbox.js';

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
  readonly approval: ApprovalContext;
  readonly callerUid: number;
  readonly mappableIds: number;
}

/** What names a sandbox and marks it as ours. */
export interface SandboxIdentity {
  readonly containerName: string;
  readonly labels: Readonly<Record<string, string>>;
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
  const [image, uptimeMs, enforcing] = await Promise.all([
    maker.images.ready(asked.image, signal),
    boottimeMs(),
    selinuxEnforcing(),
  ]);
  const binds = [...image.binds, ...approved.flatMap(({ mount, target }) => bindsOf(mount, target))];
  const spec = coveringVolumes(asked, image, binds);
  const mapping = mappingFor(maker, image);
  const deadlineBoottimeMs = uptimeMs + spec.lifetimeMs;
  const argv = initArgv(deadlineBoottimeMs);
  const body = bodyFor(maker.engine, {
    name: identity.containerName,
    image: image.engineName,
    spec,
    env: environment(image, spec),
    mapping,
    mounts: bodyMounts(binds, maker.init),
    deadlineBoottimeMs,
    labels: identity.labels,
    selinuxEnforcing: enforcing,
    emptyFolder: emptyFolderBeside(maker.init),
  });
  const expected = expectedMounts([...binds, maker.init], maker, enforcing);
  try {
    // Not cut off by the signal: an engine goes on creating when its client is gone, and then there is something to
    // remove that was not there when we looked. Both calls have deadlines of their own.
    const { id } = await maker.engine.createContainer(identity.containerName, body);
    const state = await startedInit(maker, id, argv, signal);
    const sandbox = await verified(maker, spec, state, { mounts: expected, initArgv: argv });
    return enforcing ? await usable(sandbox, maker, binds.slice(image.binds.length), signal) : sandbox;
  } catch (error) {
    if (toPaddockError(error).code === 'IMAGE_NOT_FOUND') maker.images.forgetHost();
    throw await afterRemoval(maker.engine, identity.containerName, error);
  }
}

/** What to throw once the container of a failed creation is gone, or may not be. */
async function afterRemoval(engine: Engine, name: string, error: unknown): Promise<unknown> {
  // By name: the engine may have made the container although its answer was lost.
  const isGone = await engine.removeContainer(name).catch(() => undefined);
  const isLost = error instanceof PaddockError && lostAnswers.includes(error.code);
  return isGone === undefined || (isLost && !isGone) ? new SandboxLeft(toPaddockError(error)) : error;
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
}

/** Starts the container and waits until its process 1 is our program. */
async function startedInit(
  maker: SandboxMaker,
  id: string,
  argv: readonly string[],
  signal?: AbortSignal,
): Promise<ContainerState> {
  signal?.throwIfAborted();
  await maker.engine.startContainer(id);
  signal?.throwIfAborted();
  const state = await maker.engine.inspectContainer(id, signal);
  await awaitInit(state.pid, argv, maker.clock, signal);
  return state;
}

interface Expected {
  readonly mounts: readonly ExpectedMount[];
  readonly initArgv: readonly string[];
}

async function verified(
  maker: SandboxMaker,
  spec: SandboxSpec,
  state: ContainerState,
  expected: Expected,
): Promise<Sandbox> {
  const namespace = pidNamespaceOf(state.pid);
  const initStartTicks = startTicksOf(state.pid);
  if (!state.running || namespace === undefined || initStartTicks === undefined) {
    throw new SandboxError('SANDBOX_UNVERIFIED', `process 1 ended at once, with status ${state.exitCode}`);
  }
  const evidence = await readEvidence({
    pid: state.pid,
    spec,
    claims: state.claims,
    engineKind: maker.engine.identity.kind,
    approvedMounts: expected.mounts,
    callerUid: maker.callerUid,
    initArgv: expected.initArgv,
    nowMs: maker.clock.now(),
  });
  refuseUnmet(evidence, spec.require);
  return new Sandbox(
    { containerId: state.id, initPid: state.pid, namespace, initStartTicks, spec, evidence },
    maker.engine,
    maker.clock,
  );
}

function refuseUnmet(evidence: Evidence, required: readonly ControlId[]): void {
  const say = (controls: readonly { id: string; status: string; kernel: string; note?: string }[]) =>
    controls.map((c) => `${c.id} is ${c.status} (${c.kernel})${c.note === undefined ? '' : `: ${c.note}`}`).join('; ');
  const broken = unmet(evidence, floor);
  if (broken.length > 0) {
    throw new SandboxError('SANDBOX_UNVERIFIED', `the running container is not what was asked for: ${say(broken)}`, {
      info: { controls: broken.map((c) => c.id) },
    });
  }
  const missing = unmet(evidence, required);
  if (missing.length > 0) {
    throw new SandboxError('CONTROL_NOT_ENFORCED', `required by policy, and not so: ${say(missing)}`, {
      info: { ruleId: 'policy.require', controls: missing.map((c) => c.id) },
    });
  }
}

function mappingFor(maker: SandboxMaker, image: ReadyImage): UserMapping {
  if (maker.engine.identity.kind === 'docker') return { kind: 'daemon' };
  return { kind: image.isSmall ? 'keep-id' : 'identity', sizeIds: maker.mappableIds };
}

function bodyFor(engine: Engine, input: BodyInput): Record<string, unknown> {
  return engine.identity.kind === 'podman' ? podmanBody(input) : dockerBody(input);
}

function bodyMounts(binds: readonly BindMount[], init: BindMount): BodyMount[] {
  const plain = ({ source, target, readOnly, kind }: BindMount) => ({ source, target, readOnly, kind });
  return [...binds.map((bind) => ({ ...plain(bind), ours: false })), { ...plain(init), ours: true }];
}

function expectedMounts(binds: readonly BindMount[], maker: SandboxMaker, enforcing: boolean): ExpectedMount[] {
  const mayOverlay = enforcing && maker.engine.identity.kind === 'podman';
  const emptyFolder = emptyFolderBeside(maker.init);
  return binds.map((b) => {
    const isOverlay = isThroughOverlay({ ...b, ours: b === maker.init }, mayOverlay);
    return isOverlay ? { ...b, overlayOver: emptyFolder } : b;
  });
}

/** The sandbox, once it can use those of the caller's paths whose own labels count: no overlay stands before them. */
async function usable(
  sandbox: Sandbox,
  { engine }: SandboxMaker,
  binds: readonly BindMount[],
  signal?: AbortSignal,
): Promise<Sandbox> {
  const mayOverlay = engine.identity.kind === 'podman';
  const labelled = binds.filter((bind) => !isThroughOverlay({ ...bind, ours: false }, mayOverlay));
  await proveAccess(sandbox, labelled, signal);
  return sandbox;
}

/** The image's variables, the spec's over them; the default PATH leads to the host folders' programs as well. */
function environment(image: ReadyImage, spec: SandboxSpec): Readonly<Record<string, string>> {
  const env = { ...image.env, ...spec.env };
  const path = env['PATH'];
  if (image.pathFolders.length === 0 || path === undefined || path !== baseEnv('host')['PATH']) return env;
  return { ...env, PATH: [...image.pathFolders, path].join(':') };
}

/** The spec with a small tmpfs over every path that the image declares as a volume and nothing else is shown at. */
function coveringVolumes(spec: SandboxSpec, image: ReadyImage, binds: readonly BindMount[]): SandboxSpec {
  const isTaken = (path: string) => spec.tmpfs.some((t) => t.target === path) || binds.some((b) => b.target === path);
  const volumes = image.volumes.filter((path) => !isTaken(path)).map(imageVolumeTmpfs);
  return volumes.length === 0 ? spec : { ...spec, tmpfs: [...spec.tmpfs, ...volumes] };
}
