import { parseUnifiedCgroup } from '../kit/proc/cgroup.js';
import { readProcFile } from '../kit/proc/read.js';

/** Where the kernel shows processes and cgroups; others in tests. */
export interface KernelRoots {
  readonly procRoot: string;
  readonly cgroupRoot: string;
}

export const kernelRoots: KernelRoots = { procRoot: '/proc', cgroupRoot: '/sys/fs/cgroup' };

/**
 * The cgroup folder of a container, if it has one of its own: the folder of process 1 whose name holds the container's
 * id. Without delegated controllers a rootless engine leaves the container in the caller's cgroup, which others are in,
 * too; then undefined. crun puts the processes into a folder `container` below; the numbers of this one are for both.
 */
export function ownCgroup(initPid: number, containerId: string, roots = kernelRoots): string | undefined {
  const text = readProcFile(`${roots.procRoot}/${initPid}/cgroup`);
  const path = text === undefined ? undefined : parseUnifiedCgroup(text);
  const end = path === undefined || containerId === '' ? -1 : path.indexOf(containerId);
  if (path === undefined || end < 0) return undefined;
  const slash = path.indexOf('/', end);
  return `${roots.cgroupRoot}${slash < 0 ? path : path.slice(0, slash)}`;
}
