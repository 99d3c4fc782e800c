import { readFileSync } from 'node:fs';

/** What the kernel counts for a sandbox, as whoever is on its host reads it. */
export interface Counted {
  readonly memoryBytes: number;
  readonly cpuUs: number;
  readonly pids: number;
}

/** Reads the cgroup that a container has of its own, by its id and the pid of a process in it. */
export function countedBy(containerId: string, pid: string): () => Counted {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
  // Below the one that is the container's are those that process 1 has made.
  const own = new RegExp(`^.*${containerId}[^/]*`).exec(path)?.[0];
  if (own === undefined) throw new Error(`no cgroup of its own: ${path}`);
  const read = (name: string) => readFileSync(`/sys/fs/cgroup${own}/${name}`, 'utf8');
  return () => ({
    memoryBytes: Number(read('memory.current')),
    cpuUs: Number(/^usage_usec (\d+)$/m.exec(read('cpu.stat'))?.[1]),
    pids: Number(read('pids.current')),
  });
}
