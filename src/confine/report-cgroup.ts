import type { CgroupFacts } from './observation.js';
import { parseCpuMax, parseMax } from './observe-cgroup.js';

const folder = '/sys/fs/cgroup';
const files = ['memory.max', 'memory.swap.max', 'cpu.max', 'cpu.weight', 'pids.max', 'cgroup.procs'] as const;

/** What process 1 is asked of the cgroup that it sees as the root of all. */
export const cgroupWords: readonly string[] = ['f:/proc/1/cgroup', ...files.map((name) => `f:${folder}/${name}`)];

/**
 * The limits of the cgroup at the root of a sandbox's own cgroup namespace. Those of the cgroups above hold as well, and can't be seen
 * from there.
 */
export function cgroupReport(read: (word: string) => string | undefined): CgroupFacts | undefined {
  const path = /^0::(\/.*)$/m.exec(read('f:/proc/1/cgroup') ?? '')?.[1];
  // Anywhere else it is not its own namespace's root, and the files at hand are another's.
  if (path !== '/') return undefined;
  const number = (name: (typeof files)[number], parse: (text: string) => number | undefined) => {
    const text = read(`f:${folder}/${name}`);
    return text === undefined ? undefined : parse(text);
  };
  const members = read(`f:${folder}/cgroup.procs`);
  return {
    path,
    // Whoever lives in it and outside of this pid namespace is shown as 0.
    isShared: members?.split('\n').includes('0'),
    memoryMaxBytes: number('memory.max', parseMax),
    swapMaxBytes: number('memory.swap.max', parseMax),
    cpuMillis: number('cpu.max', parseCpuMax),
    pidsMax: number('pids.max', parseMax),
    cpuWeight: number('cpu.weight', parseMax),
  };
}
