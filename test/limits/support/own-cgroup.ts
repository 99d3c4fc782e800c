import { readFileSync } from 'node:fs';

/** Reads files of the cgroup that a container has of its own, by its id and the pid of a process in it: the kernel's account, past everything of ours. */
export function ownCgroup(containerId: string, pid: number): (file: string) => string {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
  // Below the one that is the container's are those that process 1 has made.
  const own = new RegExp(`^.*${containerId}[^/]*`).exec(path)?.[0];
  if (own === undefined) throw new Error(`no cgroup of its own: ${path}`);
  return (file) => readFileSync(`/sys/fs/cgroup${own}/${file}`, 'utf8').trim();
}

/** One number of `cpu.stat`. */
export function cpuCount(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}
