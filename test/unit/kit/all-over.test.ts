import { describe, expect, it } from 'vitest';
import { allOver } from '../../../src/kit/all-over.js';
import { deferred } from '../../../src/kit/deferred.js';

describe('what several things come to', () => {
  it('is what each comes to, in the order in which they were given', async () => {
    expect(await allOver([Promise.resolve(1), Promise.resolve('two')])).toEqual([1, 'two']);
  });

  it('is the first failure, and not before the others are over', async () => {
    const slow = deferred<undefined>();
    let isOver = false;
    const both = allOver([Promise.reject(new Error('first')), slow.promise]).finally(() => {
      isOver = true;
    });
    both.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    slow.reject(new Error('second'));
    await expect(both).rejects.toThrow('first');
  });
});
