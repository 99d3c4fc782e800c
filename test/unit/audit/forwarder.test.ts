import { expect, it } from 'vitest';
import { Forwarder, type ForwardState, oneLine } from '../../../src/audit/forward/forwarder.js';
import type { Clock } from '../../../src/kit/clock.js';
import { systemClock } from '../../../src/kit/clock.js';
import { deferred } from '../../../src/kit/deferred.js';

/** What it delivers to takes lines when it is told to, and fails until then. */
function receiver() {
  const taken: string[] = [];
  const states: ForwardState[] = [];
  const pauses: number[] = [];
  const state = { isUp: false };
  const tried = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    sleep: async (ms, signal) => {
      pauses.push(ms);
      for (const told of tried) told();
      await new Promise<void>((resolve) => setImmediate(resolve));
      // A pause is over at once, but for the wait at the end, which is cut short.
      if (ms === 2000) await systemClock.sleep(ms, signal);
      signal?.throwIfAborted();
    },
  };
  const deliver = async (lines: readonly string[]) => {
    await Promise.resolve();
    if (!state.isUp) throw new Error('nobody is there');
    taken.push(...lines);
  };
  const forwarder = new Forwarder({ deliver, clock, onChange: (change) => states.push(change) });
  const failedTimes = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => pauses.length >= count && resolve();
      tried.add(look);
      look();
    });
  return { forwarder, taken, states, pauses, state, failedTimes };
}

it('delivers in order what was sent while nobody took it, and tells of failure and recovery once each', async () => {
  const { forwarder, taken, states, pauses, state, failedTimes } = receiver();
  for (const line of ['a', 'b', 'c']) forwarder.send(line);
  await failedTimes(4);
  state.isUp = true;
  await forwarder[Symbol.asyncDispose]();
  expect(taken).toEqual(['a', 'b', 'c']);
  expect(states).toEqual([
    { isOk: false, lost: 0, why: 'nobody is there' },
    { isOk: true, lost: 0 },
  ]);
  expect(pauses.slice(0, 4)).toEqual([1000, 5000, 30_000, 30_000]);
});

it('gives the oldest up when too many wait, counts them, and has the receiver know how many', async () => {
  const { forwarder, taken, states, state, failedTimes } = receiver();
  for (let n = 0; n < 1007; n += 1) forwarder.send(String(n));
  await failedTimes(2);
  state.isUp = true;
  await forwarder[Symbol.asyncDispose]();
  expect(taken.slice(0, 2)).toEqual(['{"lost":7}', '7']);
  expect(taken.at(-1)).toBe('1006');
  expect(taken).toHaveLength(1001);
  expect(states.reduce((sum, { lost }) => sum + lost, 0)).toBe(7);
});

it('holds few megabytes, however long the lines are', async () => {
  const { forwarder, taken, state, failedTimes } = receiver();
  for (let n = 0; n < 10; n += 1) forwarder.send(`${n}${'x'.repeat(1024 * 1024)}`);
  await failedTimes(1);
  state.isUp = true;
  await forwarder[Symbol.asyncDispose]();
  expect(taken.map((line) => line.slice(0, 10))).toEqual(['{"lost":7}', ...[7, 8, 9].map((n) => `${n}xxxxxxxxx`)]);
});

it('ends while nobody takes anything, and says how much was not taken', async () => {
  const { forwarder, states, failedTimes } = receiver();
  forwarder.send('a');
  forwarder.send('b');
  await failedTimes(1);
  await forwarder[Symbol.asyncDispose]();
  expect(states.at(-1)).toMatchObject({ isOk: false, lost: 2 });
});

it('ends when its receiver hangs', async () => {
  const hung = deferred<undefined>();
  const deliver = (_lines: readonly string[], signal: AbortSignal) => {
    signal.addEventListener('abort', () => hung.reject(new Error('given up')));
    return hung.promise;
  };
  const states: ForwardState[] = [];
  const forwarder = new Forwarder({ deliver, clock: systemClock, onChange: (state) => states.push(state) });
  forwarder.send('a');
  await forwarder[Symbol.asyncDispose]();
  expect(states.at(-1)).toMatchObject({ isOk: false, lost: 1 });
});

it('makes one line of printable ASCII of any JSON, which says the same', () => {
  const value = { a: 'line\nend\u2028\u0085\u202e\u{1f600}é\u007f' };
  const line = oneLine(JSON.stringify(value));
  expect(line).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(line)).toEqual(value);
});
