import { expect, it } from 'vitest';
import { IdleExit } from '../../../src/cli/idle-exit.js';

it('ends a server once nobody has used it for so long, and counts anew from each use', async () => {
  let [nowMs, inUse, beingUsed] = [1000, false, false];
  const options = { afterMs: 100, isInUse: () => Promise.resolve(inUse), isBeingUsed: () => beingUsed };
  const idle = new IdleExit({ ...options, clock: { monotonic: () => nowMs } });
  const after = async (ms: number) => {
    nowMs += ms;
    await idle.look();
    return idle.signal.aborted;
  };
  expect(await after(99)).toBe(false);
  inUse = true;
  expect(await after(500)).toBe(false);
  inUse = false;
  expect(await after(99)).toBe(false);
  beingUsed = true;
  expect(await after(500)).toBe(false);
  beingUsed = false;
  expect(await after(99)).toBe(false);
  expect(await after(1)).toBe(true);
});

it('does not end one whose first caller comes while it is asked whether there is any', async () => {
  let isBeingUsed = false;
  const isInUse = () => {
    isBeingUsed = true;
    return Promise.resolve(false);
  };
  const clock = { monotonic: () => (isBeingUsed ? 1000 : 0) };
  const idle = new IdleExit({ clock, afterMs: 100, isInUse, isBeingUsed: () => isBeingUsed });
  await idle.look();
  expect(idle.signal.aborted).toBe(false);
});
