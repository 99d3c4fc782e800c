import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Lanes } from '../../../../src/workspace/changes/lanes.js';

describe('lanes', () => {
  it('do all of a tree, never more at once than there are lanes', async () => {
    const lanes = new Lanes(3);
    let [running, most, done] = [0, 0, 0];
    const tree = async (depth: number): Promise<void> => {
      if (depth > 0) return lanes.each([1, 2, 3, 4], () => tree(depth - 1));
      running += 1;
      most = Math.max(most, running);
      await pause(1);
      running -= 1;
      done += 1;
    };
    await tree(3);
    expect([done, most]).toEqual([64, 3]);
  });

  it('begin nothing after the first failure, and end what they have begun before they tell of it', async () => {
    const lanes = new Lanes(2);
    const begun: number[] = [];
    let isOver = false;
    const running = lanes.each([1, 2, 3, 4], async (item) => {
      begun.push(item);
      if (item === 2) throw new Error('second');
      await pause(5);
      isOver = true;
    });
    await expect(running).rejects.toThrow('second');
    expect([begun, isOver]).toEqual([[1, 2], true]);
    await lanes.each([5], () => Promise.resolve());
  });
});
