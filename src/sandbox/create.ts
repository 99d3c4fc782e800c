import { type ErrorCode, PaddockError, SandboxError, toPaddockError } from '../core/errors.js';
import type { SandboxSpec } from '../core/spec.js';
import type { Engine } from '../engine/types.js';
import { type BindMount, bindsOf } from '../workspace/binds.js';
import { dockerBody } from './body/docker.js';
import type { BodyInput, UserMapping } from './body/input.js';
import { podmanBody } from './body/podman.js';
import { bodyMounts, expectedMounts, usable } from './create-mounts.js';
import { prepareEntry } from './entry.js';
import { firstProcess, startedInit, verified } from './first-process.js';
import { boottimeMs, selinuxFacts } from './host-facts.js';
import { coveringVolumes, environment } from './image-parts.js';
import type { ReadyImage } from './images.js';
import { emptyFolderBeside } from './init-binary.js';
import { type ApprovedPath, longestLifetimeMs, type SandboxIdentity, type SandboxMaker } from './maker.js';
import { networkHelperFor } from './network-helper.js';
import type { Sandbox } from './sandbox.js';
import { type StagedSeccomp, seccompOf } from './seccomp-files.js';

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

function mappingFor(maker: SandboxMaker, image: ReadyImage): UserMapping {
  if (maker.engine.identity.kind === 'docker') return { kind: 'daemon' };
  return { kind: image.isSmall ? 'keep-id' : 'identity', sizeIds: maker.mappableIds };
}

function bodyFor(engine: Engine, input: BodyInput): Record<string, unknown> {
  return engine.identity.kind === 'podman' ? podmanBody(input) : dockerBody(input);
}
