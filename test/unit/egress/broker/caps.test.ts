import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { sendJson } from './support/fake-provider.js';
import { ask, connect, open } from './support/inside.js';
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

describe('a caller that hangs up', () => {
  it('before the answer has used what the call allowed', async () => {
    await using all = await opened(() => undefined, { caps: { tokens: 1_000 } });
    const body = message({ max_tokens: 5_000 });
    const connection = connect(all.broker);
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json`;
    connection.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await expect.poll(() => all.provider.seen.length).toBe(1);
    connection.destroy();
    await expect.poll(() => all.uses).toMatchObject([{ isReckoned: true, tokens: { output: 5_000 } }]);
    const refused = await ask(all.broker, { path, body });
    expect(refused.headers['x-paddock-rule']).toBe('broker.cap');
  });

  it('in the middle of it likewise', async () => {
    await using all = await opened(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {}\n\n');
      await once(response, 'close');
    });
    const answer = await open(all.broker, { path, body: message({ max_tokens: 5_000, stream: true }) });
    answer.on('error', () => undefined).destroy();
    await expect.poll(() => all.uses).toMatchObject([{ isReckoned: true, tokens: { output: 5_000 } }]);
  });
});

it.each([
  ['tokens', { tokens: 1_000 }],
  ['cost', { costUsd: 0.01 }],
])('calls at once under a cap on %s wait for the one that may use it up', async (_what, caps) => {
  const held = new AbortController();
  await using all = await opened(
    async (_request, response) => {
      if (!held.signal.aborted) await once(held.signal, 'abort');
      sendJson(response, messageAnswer);
    },
    { caps },
  );
  const body = message({ max_tokens: 5_000 });
  const first = ask(all.broker, { path, body });
  await expect.poll(() => all.provider.seen.length).toBe(1);
  const others = await Promise.all([1, 2, 3].map(() => ask(all.broker, { path, body })));
  for (const { status, headers } of others) {
    expect([status, headers['x-paddock-rule'], headers['x-should-retry']]).toEqual([429, 'broker.busy', 'true']);
  }
  held.abort();
  expect((await first).status).toBe(200);
  expect((await ask(all.broker, { path, body })).status).toBe(200);
  expect(all.provider.seen).toHaveLength(2);
});

it('usage keeps no more lines than it has room for, whatever models are named inside', async () => {
  await using all = await opened(answer);
  for (let index = 0; index < 80; index += 1) await ask(all.broker, { path, body: message({ model: `m${index}` }) });
  const { lines, requests } = all.broker.usage();
  expect(lines.length).toBeLessThanOrEqual(65);
  expect(lines.reduce((sum, line) => sum + line.requests, 0)).toBe(requests);
});
