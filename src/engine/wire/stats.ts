import { z } from 'zod';
import type { ContainerStats } from '../types.js';

const count = z.number().nonnegative().nullish();

export const stats = z.object({
  memory_stats: z.object({ usage: count }).nullish(),
  cpu_stats: z
    .object({
      cpu_usage: z.object({ total_usage: count }).nullish(),
    })
    .nullish(),
  pids_stats: z.object({ current: count }).nullish(),
});

/**
 * Podman answers with zeros, and without an error, where the container has no cgroup of its own; a running one has used some
 * of everything. So a zero says that nothing is known.
 */
export function statsOf(body: z.infer<typeof stats>): ContainerStats {
  const { memory_stats: memory, cpu_stats: cpu, pids_stats: pids } = body;
  const cpuUs = Math.round((cpu?.cpu_usage?.total_usage ?? 0) / 1000);
  return {
    ...(memory?.usage ? { memoryBytes: memory.usage } : {}),
    ...(cpuUs > 0 ? { cpuUs } : {}),
    ...(pids?.current ? { pids: pids.current } : {}),
  };
}
