import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { type Deferred, deferred } from '../../../src/kit/deferred.js';
import { SealingBehind } from '../../../src/session/sealing-behind.js';

/** One that takes until the test says so, or it is given up. */
function slow() {
  const end: Deferred<void> = deferred();
  const seen = { signal: undefined as AbortSignal | undefined };
  const seal = (signal: AbortSignal) => {
    seen.signal = signal;
    signal.addEventListener('abort', () => end.reject(new Error('given up')));
    return end.promise;
  };
  return { end, seal, isGivenUp: () => seen.signal?.aborted };
}

const isOver = (work: Promise<unknown>) =>
  Promise.race([work.then(() => true), systemClock.sleep(20).then(() => false)]);

describe('encrypting what a session has left', () => {
  it('is waited for until it is done, and fails its caller, where nothing else was said', async () => {
    await using sealing = new SealingBehind({ clock: systemClock });
    const one = slow();
    const call = sealing.within(one.seal);
    expect(await isOver(call)).toBe(false);
    one.end.resolve();
    await call;
    await expect(sealing.within(() => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
  });

  it('goes on when nobody waits any more, and keeps nobody from the next one', async () => {
    await using sealing = new SealingBehind({ clock: systemClock, waitMs: 1 });
    const [one, failing] = [slow(), slow()];
    await sealing.within(one.seal);
    await sealing.within(failing.seal);
    expect(one.isGivenUp()).toBe(false);
    failing.end.reject(new Error('no room'));
    await sealing.within(() => Promise.resolve());
    one.end.resolve();
  });

  it('is not waited for at all where its caller has no time, whatever others have', async () => {
    await using sealing = new SealingBehind({ clock: systemClock });
    const one = slow();
    await sealing.within(one.seal, 0);
    one.end.resolve();
  });

  it('is given up by a server that ends, after a moment for what is nearly done', async () => {
    const sealing = new SealingBehind({ clock: systemClock, waitMs: 60_000, closeMs: 50 });
    const [quick, lasting] = [slow(), slow()];
    const calls = [sealing.within(lasting.seal, 1), sealing.within(quick.seal, 1)];
    await Promise.all(calls);
    sealing.close();
    const later = slow();
    quick.end.resolve();
    await sealing.within(later.seal);
    expect(lasting.isGivenUp()).toBe(false);
    await sealing[Symbol.asyncDispose]();
    expect([quick.isGivenUp(), lasting.isGivenUp(), later.isGivenUp()]).toEqual([true, true, true]);
  });

  it('is waited for to its end by a command that ends', async () => {
    const sealing = new SealingBehind({ clock: systemClock, closeMs: 1 });
    const one = slow();
    await sealing.within(one.seal, 0);
    const closed = sealing[Symbol.asyncDispose]();
    expect(await isOver(closed)).toBe(false);
    one.end.resolve();
    await closed;
  });
});
