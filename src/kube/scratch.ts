import { type SandboxSpec, workspaceTarget } from '../core/spec.js';
import { dnsLabel } from './names.js';

interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
}

interface EmptyDir {
  readonly name: string;
  readonly emptyDir: { readonly medium?: 'Memory'; readonly sizeLimit?: string };
}

/** Every place that can be written: each tmpfs and the shared memory of the plan in memory, the project's on the node's disk. */
export function scratchOf(
  spec: SandboxSpec,
  name: string,
): { readonly mounts: VolumeMount[]; readonly volumes: EmptyDir[] } {
  const inMemory = [
    ...spec.tmpfs.map(({ target, sizeBytes }) => ({ target, sizeBytes })),
    { target: '/dev/shm', sizeBytes: spec.shmBytes },
  ].map(({ target, sizeBytes }) => ({
    target,
    emptyDir: { medium: 'Memory' as const, sizeLimit: String(sizeBytes) },
  }));
  const { diskBytes } = spec.limits;
  const onDisk =
    spec.workspace === 'none'
      ? []
      : [{ target: workspaceTarget, emptyDir: diskBytes === undefined ? {} : { sizeLimit: String(diskBytes) } }];
  // Podman, where it plays a pod, takes these for names of volumes that all its pods and containers share.
  const places = [...inMemory, ...onDisk].map((place) => ({ ...place, name: dnsLabel(`${name}${place.target}`) }));
  return {
    mounts: places.map(({ name, target }) => ({ name, mountPath: target })),
    volumes: places.map(({ name, emptyDir }) => ({ name, emptyDir })),
  };
}
