import { createHash } from 'node:crypto';
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
  const places = [...inMemory, ...onDisk].map((place) => ({ ...place, name: volumeName(name, place.target) }));
  return {
    mounts: places.map(({ name, target }) => ({ name, mountPath: target })),
    volumes: places.map(({ name, emptyDir }) => ({ name, emptyDir })),
  };
}

const readableCharacters = 54;

/**
 * Of one place of one pod and no other: Podman, where it plays a pod, takes these for names of volumes that all its pods and containers share. What a label
 * can't say, or has no room for, would make two places one.
 */
function volumeName(pod: string, target: string): string {
  const digest = createHash('sha256').update(`${pod}\0${target}`).digest('hex');
  return `${dnsLabel(`${pod}${target}`).slice(0, readableCharacters)}-${digest.slice(0, 8)}`;
}
