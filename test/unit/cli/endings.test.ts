import { expect, it } from 'vitest';
import { Endings } from '../../../src/cli/endings.js';
import { deferred } from '../../../src/kit/deferred.js';

/** Ends go by `ends`: one after the other for each name. */
function stage(ends: Record<string, (() => Promise<void>)[]>) {
  const left = new Set(Object.keys(ends));
  const failures: string[] = [];
  const endings = new Endings<string>({
    endOf: async (one) => {
      await ends[one]?.shift()?.();
      left.delete(one);
    },
    hasLeft: (one) => left.has(one),
    onFailure: (one, error) => void failures.push(`${one}: ${(error as Error).message}`),
  });
  return { endings, failures };
}
const failing = () => Promise.reject(new Error('the engine is away'));

it('keeps those whose end has failed, and tries them again until nothing of theirs is left', async () => {
  const { endings, failures } = stage({ a: [failing, failing], b: [] });
  for (const one of ['a', 'b']) endings.begin(one);
  await endings.settled();
  expect([endings.all, failures]).toEqual([['a'], ['a: the engine is away']]);
  for (const left of [['a'], []]) {
    endings.again();
    await endings.settled();
    expect(endings.all).toEqual(left);
  }
  expect(failures).toHaveLength(2);
});

it('ends nobody twice at once, and counts whoever is to end from before that', async () => {
  const hanging = deferred<undefined>();
  let begun = 0;
  const end = () => {
    begun += 1;
    return hanging.promise.then(() => undefined);
  };
  const { endings } = stage({ a: [end, end] });
  endings.expect('a');
  expect(endings.all).toEqual(['a']);
  endings.begin('a');
  endings.begin('a');
  endings.again();
  expect([endings.all, begun]).toEqual([['a'], 1]);
  hanging.resolve(undefined);
  await endings.settled();
  expect(endings.all).toEqual([]);
});
