import { toldDeadline } from '../confine/judge/isolation.js';
import { readLimitEvidence, withRows } from '../confine/limit-evidence.js';
import { type PaddockError, SandboxError, toPaddockError } from '../core/errors.js';
import type { ControlId } from '../core/evidence.js';
import type { Limits } from '../core/limits.js';
import type { Engine } from '../engine/types.js';
import { updateBody } from './body/update.js';
import type { SandboxHandle } from './handle.js';

/** Controls that a change of limits is proven by. */
export const limitControls: readonly ControlId[] = ['memory', 'swap', 'cpu', 'cpu-weight', 'pids'];

/** What a sandbox is after a change of its limits, by the kernel's account, and the engine's refusal if there was one. */
export interface Changed {
  readonly handle: SandboxHandle;
  readonly refusal: PaddockError | undefined;
}

/**
 * Gives a running sandbox other limits and reads from the kernel what came of it: the engine's answer proves nothing. An engine that
 * refuses is no error yet: on a host that holds no limits they all do, and the evidence says so. Any other failure of it is.
 */
export async function changeLimits(handle: SandboxHandle, limits: Limits, engine: Engine): Promise<Changed> {
  const { containerId, initPid } = handle;
  const body = updateBody(engine.identity.kind, handle.spec.limits, limits);
  const failure = await engine.updateContainer(containerId, body).then(
    () => undefined,
    (thrown: unknown) => toPaddockError(thrown),
  );
  // Without its own account of it the engine's column is empty; the kernel's counts.
  const claims = await engine.inspectContainer(containerId).then(
    (state) => state.claims,
    () => ({}),
  );
  const spec = { ...handle.spec, limits };
  const rows = readLimitEvidence({ pid: initPid, containerId, spec, claims });
  return { handle: { ...handle, spec, evidence: withRows(handle.evidence, rows, spec) }, refusal: explained(failure) };
}

/** Whether any of the limits that differ was held by the kernel. */
export function wasHeld({ spec, evidence }: SandboxHandle, limits: Limits): boolean {
  const before = spec.limits;
  const ids: ControlId[] = [
    ...(before.memoryBytes === limits.memoryBytes ? [] : (['memory', 'swap'] as const)),
    ...(before.cpuMillis === limits.cpuMillis ? [] : (['cpu'] as const)),
    ...(before.cpuShares === limits.cpuShares ? [] : (['cpu', 'cpu-weight'] as const)),
    ...(before.pids === limits.pids ? [] : (['pids'] as const)),
  ];
  return evidence.controls.some(({ id, status }) => ids.includes(id) && status !== 'absent');
}

/** Whether the engine itself said no: then there is no change that it would tell of. */
export function wasRefused(refusal: PaddockError | undefined): boolean {
  return refusal !== undefined && ['ENGINE_FAILED', 'ENGINE_CONFLICT', 'UPDATE_UNSUPPORTED'].includes(refusal.code);
}

/** The same sandbox with the end that process 1 says it has; undefined: it does not say. */
export function withDeadline(handle: SandboxHandle, lifetimeMs: number, boottimeMs: number | undefined): SandboxHandle {
  const spec = boottimeMs === undefined ? handle.spec : { ...handle.spec, lifetimeMs };
  return { ...handle, spec, evidence: withRows(handle.evidence, [toldDeadline(lifetimeMs, boottimeMs)], spec) };
}

/** The container was there a moment ago: what Podman before 4.3 does not find is the way to change it. */
function explained(failure: PaddockError | undefined): PaddockError | undefined {
  if (failure?.code !== 'ENGINE_NOT_FOUND') return failure;
  return new SandboxError('UPDATE_UNSUPPORTED', 'this engine can not change the limits of a running container', {
    hint: 'Podman 4.3 and newer can. Until then, create another session with the limits that are needed.',
    cause: failure,
  });
}
