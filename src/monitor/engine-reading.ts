import type { Engine } from '../engine/types.js';
import { known } from '../kit/known.js';
import type { Reading } from './reading.js';

/**
 * What the engine says that a container uses: the last resort, where /proc shows nothing of it. Undefined when it says nothing, or fails.
 */
export async function readFromEngine(
  engine: Pick<Engine, 'containerStats'>,
  containerId: string,
  signal?: AbortSignal,
): Promise<Reading | undefined> {
  const stats = await engine.containerStats(containerId, signal).catch(() => undefined);
  if (stats === undefined || Object.keys(stats).length === 0) return undefined;
  const from = (value: number | undefined) => (value === undefined ? undefined : ('engine' as const));
  return {
    sources: known({ memory: from(stats.memoryBytes), cpu: from(stats.cpuUs), pids: from(stats.pids) }),
    ...stats,
  };
}
