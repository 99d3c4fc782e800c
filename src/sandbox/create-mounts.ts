import type { ExpectedMount } from '../confine/request.js';
import type { Engine } from '../engine/types.js';
import type { BindMount } from '../workspace/binds.js';
import type { BodyMount } from './body/input.js';
import { isThroughOverlay } from './body/podman.js';
import { proveAccess } from './prove-access.js';
import type { Sandbox } from './sandbox.js';

/** The caller's and the image's binds as the create request has them, then our own. */
export function bodyMounts(binds: readonly BindMount[], ours: readonly BindMount[]): BodyMount[] {
  const plain = ({ source, target, readOnly, kind, layer }: BindMount) => ({ source, target, readOnly, kind, layer });
  return [
    ...binds.map((bind) => ({ ...plain(bind), ours: false })),
    ...ours.map((bind) => ({ ...plain(bind), ours: true })),
  ];
}

/** The same as the evidence looks for them. `emptyFolder`: the second layer of overlays, where SELinux enforces. */
export function expectedMounts(
  binds: readonly BindMount[],
  ours: readonly BindMount[],
  mayOverlay: boolean,
  emptyFolder: string,
): ExpectedMount[] {
  return [
    ...binds.map((bind) => {
      if (bind.layer !== undefined) return { ...bind, overlay: { upper: bind.layer.upper } };
      return isThroughOverlay({ ...bind, ours: false }, mayOverlay)
        ? { ...bind, overlay: { over: emptyFolder } }
        : bind;
    }),
    ...ours,
  ];
}

/**
 * The sandbox, once it can use those of the caller's paths that it may write, and those whose own labels count. A read-only overlay of Podman's has
 * the sandbox's label; so has one that takes writing, but not Docker's.
 */
export async function usable(
  sandbox: Sandbox,
  engine: Engine,
  binds: readonly BindMount[],
  signal?: AbortSignal,
): Promise<Sandbox> {
  const mayOverlay = engine.identity.kind === 'podman';
  const labelled = binds.filter((bind) => !isThroughOverlay({ ...bind, ours: false }, mayOverlay));
  await proveAccess(sandbox, labelled, signal);
  return sandbox;
}
