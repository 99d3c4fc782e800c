import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { builtInPrices, costOf, priceOf, pricesAsOf } from '../../../../src/egress/broker/prices.js';

const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0 };

it('a price is that of the very model, with or without a date, and of no other one', () => {
  expect(pricesAsOf).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(readFileSync(join(import.meta.dirname, '../../../../docs/broker.md'), 'utf8')).toContain(
    `as of ${pricesAsOf},`,
  );
  const opus = priceOf(builtInPrices, 'claude-opus-4-1-20250805');
  expect(opus).toMatchObject({ input: 15, output: 75 });
  expect(priceOf(builtInPrices, 'claude-opus-5-5')).toMatchObject({ input: 4 });
  expect(priceOf(builtInPrices, 'claude-opus-5')).toMatchObject({ input: 5 });
  expect(priceOf(builtInPrices, 'gpt-6.1-sol-2026-09-29')).toMatchObject({ cacheRead: 0.1 });
  for (const unknown of [
    undefined,
    '',
    'claude-opus-5-9',
    'claude-opus-4',
    'gpt-6-sol-pro',
    'us.anthropic.claude-opus-5',
  ]) {
    expect(priceOf(builtInPrices, unknown)).toBeUndefined();
  }
});

it('a cost is the sum over the kinds of tokens, and unknown where the list ends', () => {
  const million = 1_000_000;
  const all = { input: million, output: million, cacheRead: million, cacheWrite: million, cacheWriteLong: million };
  expect(costOf(priceOf(builtInPrices, 'claude-opus-5'), all)).toBeCloseTo(5 + 25 + 0.5 + 6.25 + 10);
  const gpt = priceOf(builtInPrices, 'gpt-6-sol');
  expect(costOf(gpt, { ...none, input: 272_000 })).toBeCloseTo(0.544);
  expect(costOf(gpt, { ...none, input: 200_000, cacheRead: 72_001 })).toBeUndefined();
  const sonnet = priceOf(builtInPrices, 'claude-sonnet-4-5-20250929');
  expect(costOf(sonnet, { ...none, input: 200_000, output: 1000 })).toBeCloseTo(0.615);
  expect(costOf(sonnet, { ...none, input: 200_001 })).toBeUndefined();
  expect(costOf(undefined, none)).toBeUndefined();
});
