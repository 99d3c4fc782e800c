import { describe, expect, it } from 'vitest';
import { SessionError } from '../../../src/core/errors.js';
import { systemClock } from '../../../src/kit/clock.js';
import { type Deferred, deferred } from '../../../src/kit/deferred.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import type { Session } from '../../../src/session/session.js';
import { type Making, Starting } from '../../../src/session/starting.js';

const made = { id: 'made' } as unknown as Session;
const id = newSessionId();
const { signal } = new AbortController();
const failed = new SessionError('LIMIT_REACHED', 'there is no room');

/** One whose making takes until the test says so, and is ended by its signal. */
function slow() {
  const end: Deferred<Session> = deferred();
  const seen: Making[] = [];
  const make = (making: Making) => {
    seen.push(making);
    making.signal.addEventListener('abort', () => end.reject(new SessionError('INTERRUPTED', 'ended')));
    return end.promise;
  };
  return { end, make, making: () => seen[0] as Making };
}

/** One of which its caller was told that it goes on. */
async function leftBehind(starting: Starting) {
  const one = slow();
  const name = newSessionId();
  const call = starting.within(name, { waitMs: 1, signal }, one.make);
  await expect(call).rejects.toMatchObject({ code: 'SESSION_STARTING', info: { sessionId: name } });
  return { ...one, id: name };
}

describe('a session that is being made', () => {
  it('is its caller’s where that is done in time, and so is why it is not', async () => {
    const starting = new Starting(systemClock);
    const waiting = { waitMs: 60_000, signal };
    expect(await starting.within(id, waiting, () => Promise.resolve(made))).toBe(made);
    await expect(starting.within(id, waiting, () => Promise.reject(failed))).rejects.toBe(failed);
    expect(() => starting.refuse(id)).not.toThrow();
    expect(starting.list).toEqual([]);
  });

  it('is there for others, who may give it up, while its caller still waits', async () => {
    const starting = new Starting(systemClock);
    const one = slow();
    const call = starting.within(id, { waitMs: 60_000, signal }, one.make);
    const refused = expect(call).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(starting.list).toEqual([{ id, soFar: { entries: 0, bytes: 0 } }]);
    expect(await starting.stop(id)).toBe(true);
    await refused;
    expect(starting.list).toEqual([]);
  });

  it('goes on when nobody waits any more, says how far it is, and is known to be there at its end', async () => {
    const starting = new Starting(systemClock);
    const one = await leftBehind(starting);
    one.making().onProgress({ entries: 12, bytes: 2048 });
    expect(() => starting.refuse(one.id)).toThrow(/is still being made: 12 entries, 2 KiB so far/);
    expect(starting.list).toEqual([{ id: one.id, soFar: { entries: 12, bytes: 2048 } }]);
    expect(one.making().signal.aborted).toBe(false);
    one.end.resolve(made);
    await expect.poll(() => starting.refuse(one.id)).toBeUndefined();
    expect(starting.list).toEqual([]);
    expect(await starting.stop(one.id)).toBe(false);
  });

  it('tells its caller how far it is, and nobody once that has its answer', async () => {
    const starting = new Starting(systemClock);
    const one = slow();
    const told: number[] = [];
    const onProgress = ({ entries }: { entries: number }) => void told.push(entries);
    const make = (making: Making) => {
      making.onProgress({ entries: 1, bytes: 0 });
      return one.make(making);
    };
    await expect(starting.within(id, { waitMs: 1, signal, onProgress }, make)).rejects.toThrow('still being made');
    one.making().onProgress({ entries: 2, bytes: 0 });
    expect(told).toEqual([1]);
    await starting.stop(id);
  });

  it('says why it could not be made to whoever asks later', async () => {
    const starting = new Starting(systemClock);
    const one = await leftBehind(starting);
    one.end.reject(failed);
    await expect.poll(() => thrownBy(() => starting.refuse(one.id))).toBe(failed);
    expect(starting.list).toMatchObject([{ id: one.id, error: failed }]);
    expect(await starting.stop(one.id)).toBe(false);
    expect(starting.list).toEqual([]);
    expect(() => starting.refuse(one.id)).not.toThrow();
  });

  it('is ended by whoever cancels the call, and by whoever gives it up after that', async () => {
    const starting = new Starting(systemClock);
    const [one, caller] = [slow(), new AbortController()];
    const call = starting.within(id, { waitMs: 60_000, signal: caller.signal }, one.make);
    caller.abort();
    await expect(call).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const other = await leftBehind(starting);
    expect(await starting.stop(other.id)).toBe(true);
    expect(other.making().signal.aborted).toBe(true);
    expect(() => starting.refuse(other.id)).not.toThrow();
  });

  it('is forgotten when many others have failed since', async () => {
    const starting = new Starting(systemClock);
    const ids: string[] = [];
    for (let i = 0; i < 17; i += 1) {
      const one = await leftBehind(starting);
      one.end.reject(failed);
      await expect.poll(() => thrownBy(() => starting.refuse(one.id))).toBe(failed);
      ids.push(one.id);
    }
    expect(ids.map((name) => thrownBy(() => starting.refuse(name)))).toEqual([undefined, ...Array(16).fill(failed)]);
  });
});

function thrownBy(run: () => void): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
