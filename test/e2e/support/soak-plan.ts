import type { EngineKind } from '../../../src/engine/types.js';

/** What is being done when something is killed. */
export const activities = ['create', 'execute', 'background', 'destroy', 'idle', 'detached'] as const;
export type Activity = (typeof activities)[number];

/** What is killed, by kill -9. `holder` is the server or, of a detached session, the keeper. */
export type Victim = 'holder' | 'init' | 'conmon' | 'service';

export interface Round {
  readonly kind: EngineKind;
  readonly activity: Activity;
  readonly victim: Victim;
  /** From the beginning of the activity to the kill. */
  readonly delayMs: number;
}

/** Docker's daemon is the other tests' too, and what stands for conmon there ends with it. */
const victims: Readonly<Record<EngineKind, readonly Victim[]>> = {
  podman: ['holder', 'init', 'conmon', 'service'],
  docker: ['holder', 'init'],
};

/** The same rounds for the same seed. */
export function planRounds(seed: number, count: number, kinds: readonly EngineKind[]): readonly Round[] {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  return Array.from({ length: count }, (_, index) => {
    const kind = kinds[index % kinds.length] as EngineKind;
    return { kind, activity: pick(activities), victim: pick(victims[kind]), delayMs: Math.floor(random() ** 2 * 500) };
  });
}

/** Numbers from 0 to 1: a linear congruential generator modulo 2^32 (constants of Numerical Recipes). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
