import { describe, expect, it } from 'vitest';
import { sendJson } from './support/fake-provider.js';
import { ask } from './support/inside.js';
import { message, messageAnswer, opened } from './support/open.js';

const path = '/anthropic/v1/messages';
const answer = (_request: unknown, response: Parameters<typeof sendJson>[0]) => sendJson(response, messageAnswer);

describe('a cap', () => {
  it.each([
    ['requests', { requests: 2 }],
    ['tokens', { tokens: 16 }],
    ['cost', { costUsd: 0.0001 }],
  ])('on %s refuses the next request, and says that calling again does not help', async (_what, caps) => {
    await using all = await opened(answer, { caps });
    for (let index = 0; index < 2; index += 1)
      expect((await ask(all.broker, { path, body: message() })).status).toBe(200);
    const refused = await ask(all.broker, { path, body: message() });
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'x-paddock-rule': 'broker.cap', 'x-should-retry': 'false' },
    });
    expect(all.provider.seen).toHaveLength(2);
    expect(all.broker.usage()).toMatchObject({ requests: 2, tokens: { input: 20, output: 10 } });
  });

  it('on cost refuses what has no price, unless that is allowed or one is given', async () => {
    const body = message({ model: 'some-gateway-model' });
    const price = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0 };
    const refusing = [{ caps: { costUsd: 1 } }];
    const letting = [
      { caps: { costUsd: 1, allowUnknownPrices: true } },
      { caps: { costUsd: 1 }, prices: { 'some-gateway-model': price } },
      {},
    ];
    for (const options of refusing) {
      await using all = await opened(answer, options);
      expect(await ask(all.broker, { path, body })).toMatchObject({
        status: 429,
        headers: { 'x-paddock-rule': 'broker.price' },
      });
      expect(all.provider.seen).toEqual([]);
    }
    for (const options of letting) {
      await using all = await opened(answer, options);
      expect((await ask(all.broker, { path, body })).status).toBe(200);
    }
  });

  it('holds also where answers do not say what was used', async () => {
    await using all = await opened((_request, response) => sendJson(response, { type: 'message' }), {
      caps: { tokens: 20 },
    });
    expect((await ask(all.broker, { path, body: message() })).status).toBe(200);
    expect((await ask(all.broker, { path, body: message() })).status).toBe(429);
    expect(all.broker.usage().lines).toMatchObject([{ reckoned: 1 }]);
  });

  it('is not used up by tokens of calls that failed', async () => {
    await using all = await opened((_request, response) => sendJson(response, { type: 'error' }, 529), {
      caps: { tokens: 1 },
    });
    for (let index = 0; index < 3; index += 1)
      expect((await ask(all.broker, { path, body: message() })).status).toBe(529);
  });
});

it('usage keeps no more lines than it has room for, whatever models are named inside', async () => {
  await using all = await opened(answer);
  for (let index = 0; index < 80; index += 1) await ask(all.broker, { path, body: message({ model: `m${index}` }) });
  const { lines, requests } = all.broker.usage();
  expect(lines.length).toBeLessThanOrEqual(65);
  expect(lines.reduce((sum, line) => sum + line.requests, 0)).toBe(requests);
});
