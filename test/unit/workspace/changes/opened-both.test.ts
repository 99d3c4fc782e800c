import { describe, expect, it } from 'vitest';
import { PaddockError } from '../../../../src/core/errors.js';
import type { Layer } from '../../../../src/workspace/changes/layer.js';
import { openedBoth } from '../../../../src/workspace/changes/opened-both.js';
import { Openings, type OpeningWish } from '../../../../src/workspace/sealed/openings.js';
import { HeldClock } from '../../tools/support/stage.js';

const never = new AbortController().signal;

/** Layers that take so long to be opened, as a server opens them. */
function staged() {
  const clock = new HeldClock();
  const openings = new Openings({ clock, waitMs: 15_000 });
  const begun: string[] = [];
  const closed: string[] = [];
  const layer = (folder: string, takesMs: number, error?: Error): Layer => {
    const opened = { [Symbol.asyncDispose]: () => Promise.resolve(void closed.push(folder)) };
    const unpack = async (signal: AbortSignal) => {
      begun.push(folder);
      if (error !== undefined) throw error;
      await clock.sleep(takesMs, signal);
      return opened;
    };
    const plain = { folder, upper: '', project: { source: '', dev: 0, ino: 0 } as never, sinceNs: 0n };
    const open = async (wish: OpeningWish) => {
      const taken = await openings.take(folder, wish, unpack);
      return {
        layer: plain,
        keepNotes: () => Promise.resolve(),
        putBack: () => openings.putBack(folder, taken),
        [Symbol.asyncDispose]: () => taken[Symbol.asyncDispose](),
      };
    };
    return { ...plain, open };
  };
  return { clock, begun, closed, layer };
}

describe('opening two that are kept encrypted, to be compared', () => {
  it.each([
    [200_000, 20_000],
    [20_000, 200_000],
    [1000, 1000],
  ])('is done with the one that takes longer: %d ms and %d ms', async (aMs, bMs) => {
    const { clock, begun, closed, layer } = staged();
    const [a, b] = [layer('a', aMs), layer('b', bMs)];
    let isDone = false;
    const poll = async () => {
      while (!isDone) {
        const open = await openedBoth(a, b, never).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'LAYER_OPENING' });
        });
        if (open === undefined) await clock.sleep(3000);
        else {
          expect(open.both.map(({ folder }) => folder)).toEqual(['a', 'b']);
          await open[Symbol.asyncDispose]();
          isDone = true;
        }
      }
    };
    const polling = poll();
    await clock.pass(Math.max(aMs, bMs) + 15_000);
    expect(isDone).toBe(true);
    await polling;
    expect([begun.sort(), closed.sort()]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('says at once what keeps one from being opened, and leaves nothing of the other', async () => {
    const { clock, closed, layer } = staged();
    const cut = layer('b', 0, new PaddockError('SEALED_UNREADABLE', 'cut'));
    await expect(openedBoth(layer('a', 10_000), cut, never)).rejects.toMatchObject({ code: 'SEALED_UNREADABLE' });
    const late = new PaddockError('SEALED_UNREADABLE', 'cut');
    const failsLate: Layer = {
      ...layer('d', 0),
      open: async () => {
        await clock.sleep(1000);
        throw late;
      },
    };
    const asked = expect(openedBoth(layer('c', 0), failsLate, never)).rejects.toBe(late);
    await clock.pass(1000);
    await asked;
    expect(closed).toEqual(['c']);
  });
});
