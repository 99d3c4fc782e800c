import { readFile } from 'node:fs/promises';

/**
 * The cgroup folder of a container, if it has one of its own: the folder of process 1 whose name holds the container's
 * id. Without delegated controllers a rootless engine leaves the container in the caller's cgroup; then undefined.
 */
export async function ownCgroup(initPid: number, containerId: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${initPid}/cgroup`, 'utf8').catch(() => '');
  const path = /^0::(.*)$/m.exec(text)?.[1];
  const end = path?.indexOf(containerId) ?? -1;
  if (path === undefined || end < 0) return undefined;
  const slash = path.indexOf('/', end);
  return `/sys/fs/cgroup${slash < 0 ? path : path.slice(0, slash)}`;
}
