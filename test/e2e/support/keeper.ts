import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { processesNaming } from './left-overs.js';
import type { Place } from './place.js';

/** The keepers of a place, alive. */
export function keepersOf(place: Place): number[] {
  return processesNaming(place.stateDir, / keep( |$)/).map(({ pid }) => pid);
}

/** The one keeper; fails when there is none, or more. */
export function keeperOf(place: Place): number {
  const all = keepersOf(place);
  expect(all).toHaveLength(1);
  return all[0] ?? 0;
}

/** Resolves when the last keeper of the place has ended by itself. */
export async function keeperGone(place: Place): Promise<void> {
  // Not by a poll of the test runner: hooks wait for it too.
  const until = Date.now() + 8000;
  while (keepersOf(place).length > 0 && Date.now() < until) await sleep(100);
  expect(keepersOf(place)).toEqual([]);
}
