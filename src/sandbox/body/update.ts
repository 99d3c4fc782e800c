import type { Limits } from '../../core/limits.js';
import type { EngineKind } from '../../engine/types.js';
import { dockerResources } from './docker.js';
import { podmanResources } from './podman.js';

/** Of which controller a limit is. */
const parts = {
  memory: { limits: ['memoryBytes'], docker: ['Memory', 'MemorySwap'], podman: ['memory'] },
  cpu: { limits: ['cpuMillis', 'cpuShares'], docker: ['CpuPeriod', 'CpuQuota', 'CpuShares'], podman: ['cpu'] },
  pids: { limits: ['pids'], docker: ['PidsLimit'], podman: ['pids'] },
} as const;

/**
 * The request that gives a running container its new limits. Only what differs: where one controller was not delegated, asking for it
 * would keep the others from being changed.
 */
export function updateBody(kind: EngineKind, before: Limits, after: Limits): Record<string, unknown> {
  const changed = Object.values(parts).filter(({ limits }) => limits.some((key) => before[key] !== after[key]));
  const names = changed.flatMap((part): readonly string[] => part[kind]);
  const all = kind === 'podman' ? podmanResources(after) : dockerResources(after);
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}
