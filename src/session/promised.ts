import type { Limits } from '../core/limits.js';
import type { SessionRecord } from './record.js';

/** What a session may use at most. */
export interface Promised extends Pick<Limits, 'memoryBytes' | 'cpuMillis'> {
  /** Of the session. */
  readonly id: string;
}

/** While an update gives it more, what it will have counts already. */
export function promisedBy({ id, spec, promised }: Pick<SessionRecord, 'id' | 'spec' | 'promised'>): Promised {
  const { memoryBytes, cpuMillis } = promised ?? spec.limits;
  return { id, memoryBytes, cpuMillis };
}

/** Each session once, with the most that is known of it. */
export function merged(all: readonly Promised[]): readonly Promised[] {
  const byId = new Map<string, Promised>();
  for (const one of all) {
    const known = byId.get(one.id) ?? one;
    const memoryBytes = Math.max(one.memoryBytes, known.memoryBytes);
    byId.set(one.id, { id: one.id, memoryBytes, cpuMillis: Math.max(one.cpuMillis, known.cpuMillis) });
  }
  return [...byId.values()];
}
