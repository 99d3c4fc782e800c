import { totalmem } from 'node:os';
import { dirname } from 'node:path';
import { parseUnifiedCgroup } from '../kit/proc/cgroup.js';
import { readProcFile } from '../kit/proc/read.js';

/** What the host has for all sessions together, in bytes. */
export interface HostRoom {
  /** The host's memory, or what the cgroup of this process may have where that is less. */
  readonly memoryBytes: number;
  /** Undefined where the kernel does not say. */
  readonly availableBytes: number | undefined;
}

/** Reads three or four small files; asks no engine. */
export function readHostRoom(procRoot = '/proc', cgroupRoot = '/sys/fs/cgroup'): HostRoom {
  const meminfo = readProcFile(`${procRoot}/meminfo`) ?? '';
  const kibibytes = /^MemAvailable: +(\d+) kB$/m.exec(meminfo)?.[1];
  return {
    memoryBytes: Math.min(totalmem(), ...cgroupLimits(procRoot, cgroupRoot)),
    availableBytes: kibibytes === undefined ? undefined : Number(kibibytes) * 1024,
  };
}

/** memory.max of the cgroup that this process is in, and of those around it. */
function cgroupLimits(procRoot: string, cgroupRoot: string): readonly number[] {
  const limits: number[] = [];
  const own = parseUnifiedCgroup(readProcFile(`${procRoot}/self/cgroup`) ?? '');
  for (let path = own; path !== undefined && path !== '/'; path = dirname(path)) {
    const text = readProcFile(`${cgroupRoot}${path}/memory.max`)?.trim();
    if (text !== undefined && /^\d{1,16}$/.test(text)) limits.push(Number(text));
  }
  return limits;
}
