import { parsePressure } from '../cgroup-files.js';
import type { ReadText } from '../kernel-text.js';

/** Percent of the last ten seconds in which something on the host waited; absent where the kernel keeps no pressure. */
export interface HostPressure {
  readonly cpuPercent?: number;
  readonly memoryPercent?: number;
}

export function readHostPressure(read: ReadText, procRoot = '/proc'): HostPressure {
  const of = (name: string) => parsePressure(read(`${procRoot}/pressure/${name}`))?.someAvg10;
  const [cpu, memory] = [of('cpu'), of('memory')];
  return {
    ...(cpu === undefined ? {} : { cpuPercent: cpu }),
    ...(memory === undefined ? {} : { memoryPercent: memory }),
  };
}
