import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/kit/deferred.js';
import { Openings } from '../../../../src/workspace/sealed/openings.js';
import { HeldClock } from '../../tools/support/stage.js';

const never = new AbortController().signal;
const waitMs = 15_000;
const keptMs = 120_000;
const promisedMs = 30_000;

class Opened implements AsyncDisposable {
  isClosed = false;
  isSourceThere = true;
  readonly name: string;
  readonly isThere = () => Promise.resolve(this.isSourceThere);

  constructor(name: string) {
    this.name = name;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

function staged(bounds: { readonly waitMs?: number } = { waitMs }) {
  const clock = new HeldClock();
  const openings = new Openings<Opened>({ clock, keptMs, ...bounds });
  const begun: { readonly signal: AbortSignal; end(opened: Opened): void; fail(error: Error): void }[] = [];
  const open = (signal: AbortSignal): Promise<Opened> => {
    const way = deferred<Opened>();
    signal.addEventListener('abort', () => way.reject(signal.reason));
    begun.push({ signal, end: (opened) => way.resolve(opened), fail: (error) => way.reject(error) });
    return way.promise;
  };
  const take = (key = 'a', signal = never) => openings.take(key, { signal }, open);
  /** Asks, and is told to ask again. */
  const promised = async (key = 'a') => {
    const asked = take(key);
    const refused = expect(asked).rejects.toMatchObject({ code: 'LAYER_OPENING', retryable: true });
    await clock.pass(waitMs, waitMs);
    await refused;
  };
  return { clock, openings, begun, open, take, promised };
}

describe('opening what is kept encrypted, for one call', () => {
  it('hands it over at once where it is there in time', async () => {
    const { openings, begun, take } = staged();
    const asked = take();
    const opened = new Opened('a');
    begun[0]!.end(opened);
    expect(await asked).toBe(opened);
    await openings[Symbol.asyncDispose]();
    expect(opened.isClosed).toBe(false);
  });

  it('goes on where it takes longer, and hands it over to who asks again, once', async () => {
    const { begun, take, promised } = staged();
    await promised();
    const again = take();
    const opened = new Opened('a');
    begun[0]!.end(opened);
    expect(await again).toBe(opened);
    expect(begun).toHaveLength(1);
    const third = take();
    expect(begun).toHaveLength(2);
    begun[1]!.end(new Opened('b'));
    expect((await third).name).toBe('b');
  });

  it('gives each of two who wait for the same one of their own', async () => {
    const { begun, take, promised } = staged();
    await promised();
    const both = [take(), take()];
    begun[0]!.end(new Opened('a'));
    await expect.poll(() => begun.length).toBe(2);
    begun[1]!.end(new Opened('b'));
    expect((await Promise.all(both)).map(({ name }) => name).sort()).toEqual(['a', 'b']);
  });

  it('closes what nobody comes for', async () => {
    const { clock, begun, promised } = staged();
    await promised();
    const opened = new Opened('a');
    begun[0]!.end(opened);
    await clock.pass(keptMs - 1, waitMs);
    expect(opened.isClosed).toBe(false);
    await clock.pass(1);
    await expect.poll(() => opened.isClosed).toBe(true);
  });

  it('says to who asks again why it could not be opened, and then begins anew', async () => {
    const { begun, take, promised } = staged();
    await promised();
    begun[0]!.fail(new Error('cut'));
    await expect(take()).rejects.toThrow('cut');
    void take().catch(() => undefined);
    expect(begun).toHaveLength(2);
  });

  it('ends with the call that is cancelled, unless somebody was told to ask again', async () => {
    const { begun, take, promised } = staged();
    const stop = new AbortController();
    const asked = take('a', stop.signal);
    stop.abort();
    await expect(asked).rejects.toThrow();
    expect(begun[0]!.signal.aborted).toBe(true);
    await promised();
    const other = new AbortController();
    const joined = take('a', other.signal);
    other.abort();
    await expect(joined).rejects.toThrow();
    expect(begun[1]!.signal.aborted).toBe(false);
  });

  it('keeps four at once: then what nobody has come for goes first, and nothing that is under way', async () => {
    const { clock, begun, promised, take } = staged();
    for (const key of ['a', 'b', 'c', 'd']) await promised(key);
    const hint = expect.stringContaining('It was not begun');
    const refused = expect(take('e')).rejects.toMatchObject({ code: 'LAYER_OPENING', hint });
    await clock.pass(waitMs, waitMs);
    await refused;
    expect(begun).toHaveLength(4);
    const opened = new Opened('b');
    begun[1]!.end(opened);
    await clock.pass(promisedMs - 1, waitMs);
    const asked = take('e');
    await clock.pass(0);
    expect([begun.length, opened.isClosed]).toEqual([4, false]);
    await clock.pass(1);
    await expect.poll(() => [begun.length, opened.isClosed]).toEqual([5, true]);
    const fifth = new Opened('e');
    begun[4]!.end(fifth);
    expect(await asked).toBe(fifth);
  });

  it('begins a fifth as soon as one of the four was taken, or could not be opened', async () => {
    const { begun, take, promised, clock } = staged();
    const four = ['a', 'b', 'c', 'd'].map((key) => take(key));
    const others = [take('e'), take('f')];
    await clock.pass(1);
    expect(begun).toHaveLength(4);
    begun[0]!.end(new Opened('a'));
    await four[0];
    await expect.poll(() => begun.length).toBe(5);
    begun[1]!.fail(new Error('cut'));
    await expect(four[1]).rejects.toThrow('cut');
    await expect.poll(() => begun.length).toBe(6);
    for (const index of [2, 3, 4, 5]) begun[index]!.end(new Opened('one'));
    expect(await Promise.all([four[2], four[3], ...others])).toHaveLength(4);
    await promised('g');
  });

  it('gives up its turn with the call that is cancelled before there was a place', async () => {
    const { begun, promised, take } = staged();
    for (const key of ['a', 'b', 'c', 'd']) await promised(key);
    const stop = new AbortController();
    const asked = take('e', stop.signal);
    stop.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
    expect(begun).toHaveLength(4);
  });

  it('says why it failed to all that wait for it', async () => {
    const { begun, take } = staged();
    const both = [take(), take()];
    begun[0]!.fail(new Error('cut'));
    for (const one of both) await expect(one).rejects.toThrow('cut');
    expect(begun).toHaveLength(1);
  });

  it('begins anew for who comes later than that: the cause may be gone', async () => {
    const { clock, begun, take, promised } = staged();
    await promised();
    begun[0]!.fail(new Error('cut'));
    await clock.pass(promisedMs, waitMs);
    const asked = take();
    await expect.poll(() => begun.length).toBe(2);
    const opened = new Opened('a');
    begun[1]!.end(opened);
    expect(await asked).toBe(opened);
  });

  it('closes what was opened once that which it was opened from is removed', async () => {
    const { clock, begun, promised } = staged();
    await promised();
    const opened = new Opened('a');
    begun[0]!.end(opened);
    await clock.pass(5000, 5000);
    expect(opened.isClosed).toBe(false);
    opened.isSourceThere = false;
    await clock.pass(5000, 5000);
    await expect.poll(() => opened.isClosed).toBe(true);
  });

  it('keeps what is put back for who asks again, and closes it when nobody does', async () => {
    const { clock, openings, begun, take } = staged();
    const asked = take();
    const opened = new Opened('a');
    begun[0]!.end(opened);
    await openings.putBack('a', await asked);
    expect(await take()).toBe(opened);
    await openings.putBack('a', opened);
    await clock.pass(keptMs, waitMs);
    await expect.poll(() => opened.isClosed).toBe(true);
    expect(begun).toHaveLength(1);
  });

  it('gives what is put back to who waits for another of the same, and ends that', async () => {
    const { openings, begun, take } = staged();
    const opened = new Opened('a');
    const asked = take();
    await openings.putBack('a', opened);
    expect(await asked).toBe(opened);
    expect(begun[0]!.signal.aborted).toBe(true);
  });

  it('closes what is put back where there is one already', async () => {
    const { openings } = staged();
    const [opened, other] = [new Opened('a'), new Opened('a')];
    await openings.putBack('a', opened);
    await openings.putBack('a', other);
    expect([opened.isClosed, other.isClosed]).toEqual([false, true]);
  });

  it('keeps eight in clear at most, however many wait for the same one, and sooner those that are not promised any more', async () => {
    const { clock, openings, begun, take } = staged();
    const slow = take('slow');
    const halves = Array.from({ length: 12 }, (_, number) => new Opened(`half ${number}`));
    const keptOf = () => halves.filter(({ isClosed }) => !isClosed).length;
    for (const half of halves) {
      const asked = take(half.name);
      begun.at(-1)!.end(half);
      await asked;
    }
    for (const half of halves.slice(0, 11)) await openings.putBack(half.name, half);
    expect(keptOf()).toBe(7 + 1);
    const answered = expect(slow).rejects.toMatchObject({ code: 'LAYER_OPENING' });
    await clock.pass(promisedMs);
    await answered;
    await openings.putBack('half 11', halves[11]!);
    await expect.poll(keptOf).toBe(7);
    expect([halves[0]!.isClosed, halves[11]!.isClosed]).toEqual([true, false]);
  });

  it('closes what nobody waits for once its process is about to end, and what is put back then', async () => {
    const { openings, begun, take, promised } = staged();
    await promised('a');
    const opened = new Opened('a');
    begun[0]!.end(opened);
    await promised('b');
    const asked = take('c');
    openings.close();
    await expect.poll(() => opened.isClosed).toBe(true);
    expect(begun[1]!.signal.aborted).toBe(true);
    await expect(take('d')).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const other = new Opened('c');
    begun[2]!.end(other);
    expect(await asked).toBe(other);
    await openings.putBack('c', other);
    expect(other.isClosed).toBe(true);
  });

  it('ends and closes all that nobody has when it is disposed of', async () => {
    const { openings, begun, promised, take } = staged();
    await promised('a');
    await promised('b');
    const opened = new Opened('a');
    begun[0]!.end(opened);
    await openings[Symbol.asyncDispose]();
    expect([opened.isClosed, begun[1]!.signal.aborted]).toEqual([true, true]);
    await expect(take('c')).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('waits until it is there for who is patient, and where nobody set a bound', async () => {
    for (const [bounds, isPatient] of [
      [{ waitMs }, true],
      [{}, false],
    ] as const) {
      const { openings, clock, begun, open } = staged(bounds);
      const asked = openings.take('a', { signal: never, isPatient }, open);
      await clock.pass(10 * waitMs, waitMs);
      const opened = new Opened('a');
      begun[0]!.end(opened);
      expect(await asked).toBe(opened);
    }
  });
});
