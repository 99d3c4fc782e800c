import { expect, it } from 'vitest';
import { noTokens } from '../../../src/egress/broker/usage/counts.js';
import type { Session } from '../../../src/session/session.js';
import { brokeredText, modelUsageText, viewBrokered, viewModelUsage } from '../../../src/tools/broker-view.js';

const tokens = { ...noTokens, input: 100, output: 20, cacheRead: 7, cacheWrite: 3 };
const lineOf = (model: string, requests: number) => ({
  ...{ route: 'anthropic', model, key: '01234567', requests, tokens, reckoned: 0, costUsd: 0.5, unpriced: 0, bytes: 0 },
});

function viewOf(models: readonly (readonly [string, number])[]) {
  const lines = models.map(([model, requests]) => lineOf(model, requests));
  const usage = () => ({ requests: 4, tokens, costUsd: 0.5, unpriced: 1, lines });
  return viewModelUsage({ broker: { usage } as unknown as Session['broker'] });
}

it('says nothing of models in a session without a broker', () => {
  expect(viewModelUsage({ broker: undefined })).toBeUndefined();
  expect(modelUsageText(undefined)).toEqual([]);
});

it('adds what went through caches to what went in, and says what has no price', () => {
  const view = viewOf([['claude', 4]]);
  expect(view).toMatchObject({ requests: 4, inputTokens: 110, outputTokens: 20, costUsd: 0.5, unpriced: 1 });
  expect(modelUsageText(view)).toEqual(['models: 4 requests, 110 tokens in, 20 out, $0.5000, and 1 of unknown cost']);
});

it('tells git and routes apart from models', () => {
  const line = { ...lineOf('', 3), route: 'git:code.test', tokens: noTokens, costUsd: 0, bytes: 1_000 };
  const usage = () => ({ requests: 5, tokens, costUsd: 0.5, unpriced: 0, lines: [lineOf('claude', 2), line] });
  const session = { broker: { usage } as unknown as Session['broker'] };
  expect(viewModelUsage(session)).toMatchObject({ requests: 2, lines: [{ provider: 'anthropic' }] });
  const view = viewBrokered(session);
  expect(view).toEqual([{ route: 'git:code.test', requests: 3, bytes: 1_000 }]);
  expect(brokeredText(view)).toEqual(['broker: git:code.test 3 requests, 1000 bytes']);
  expect(viewBrokered({ broker: undefined })).toBeUndefined();
});

it('says that a cost is unknown, and not that there is none', () => {
  const known = lineOf('claude', 2);
  const unknown = { ...lineOf('its-own', 3), costUsd: 0, unpriced: 3 };
  const of = (...lines: (typeof known)[]) => {
    const sum = (name: 'requests' | 'costUsd' | 'unpriced') => lines.reduce((all, one) => all + one[name], 0);
    const usage = () => ({
      requests: sum('requests'),
      tokens,
      costUsd: sum('costUsd'),
      unpriced: sum('unpriced'),
      lines,
    });
    return viewModelUsage({ broker: { usage } as unknown as Session['broker'] });
  };
  const view = of(unknown);
  expect([view, view?.lines[0]]).toEqual([
    expect.not.objectContaining({ costUsd: 0 }),
    expect.not.objectContaining({ costUsd: 0 }),
  ]);
  expect(view).toMatchObject({ unpriced: 3, lines: [{ unpriced: 3 }] });
  expect(modelUsageText(view)).toEqual(['models: 3 requests, 110 tokens in, 20 out, cost unknown']);
  expect(of(known, unknown)).toMatchObject({ costUsd: 0.5, unpriced: 3 });
});

it('shows the eight lines with the most requests, and no control characters of names that were made up inside', () => {
  const view = viewOf([
    ['a\u001b[2Jb', 99],
    ...Array.from({ length: 20 }, (_, index) => [`m${index}`, index] as const),
  ]);
  expect(view?.lines).toHaveLength(8);
  expect(view?.lines[0]?.model).not.toContain('\u001b');
  expect(view?.lines.at(-1)?.model).toBe('m13');
});
