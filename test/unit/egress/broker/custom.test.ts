import { expect, it } from 'vitest';
import { type CustomRoute, customRoute } from '../../../../src/egress/broker/routes/custom.js';
import { Secret } from '../../../../src/kit/secret.js';
import { ask } from './support/inside.js';
import { canary, opened } from './support/open.js';

const wanted = (upstream: URL): CustomRoute => ({
  ...{ id: 'tickets', upstream: new URL('/api/', upstream), headers: ['x-version'] },
  keys: [{ name: 'x-token', prefix: 'Token ', secret: new Secret(canary) }],
  allow: [
    { method: 'GET', path: '/v1/ticket/*' },
    { method: 'POST', path: '/v1/ticket' },
  ],
});

it('a rule of the site’s own passes what it names, with its key, and nothing else', async () => {
  await using all = await opened(
    (_request, response) => void response.end('ok'),
    {},
    (url) => [customRoute(wanted(url))],
  );
  const headers = { 'x-version': '2', 'x-token': 'mine', 'x-other': '3' };
  expect(await ask(all.broker, { path: '/tickets/v1/ticket/42', headers })).toMatchObject({ status: 200, text: 'ok' });
  expect(await ask(all.broker, { path: '/tickets/v1/ticket', body: 'not json' })).toMatchObject({ status: 200 });
  expect(all.provider.seen.map(({ url, body }) => [url, String(body)])).toEqual([
    ['/api/v1/ticket/42', ''],
    ['/api/v1/ticket', 'not json'],
  ]);
  expect(all.provider.seen[0]?.headers).toMatchObject({ 'x-token': `Token ${canary}`, 'x-version': '2' });
  expect(all.provider.seen[0]?.headers).not.toHaveProperty('x-other');
  for (const path of [
    '/tickets/v1/ticket',
    '/tickets/v1/ticket/4/2',
    '/tickets/v1/ticket/4?x=1',
    '/tickets/v1/ticket/a%2Fb',
  ]) {
    expect((await ask(all.broker, { path })).status).toBeGreaterThanOrEqual(400);
  }
  expect(all.provider.seen).toHaveLength(2);
});

it('a body that is passed on as it comes ends at its bound', async () => {
  const limits = { streamBytes: 1_000 };
  await using all = await opened(
    (_request, response) => void response.end('ok'),
    { limits },
    (url) => [customRoute(wanted(url))],
  );
  const answer = await ask(all.broker, { path: '/tickets/v1/ticket', body: 'x'.repeat(1_001) });
  expect(answer).toMatchObject({ status: 413, headers: { 'x-paddock-rule': 'broker.body-size' } });
});

it('ends what passes the session’s bytes, both ways and all together, and says so', async () => {
  const rule = (url: URL) => [customRoute(wanted(url))];
  const answer = 'y'.repeat(600);
  await using all = await opened((_request, response) => void response.end(answer), { caps: { bytes: 1_500 } }, rule);
  const post = (size: number) => ask(all.broker, { path: '/tickets/v1/ticket', body: 'x'.repeat(size) });
  expect(await post(400)).toMatchObject({ status: 200 });
  expect(all.broker.usage().lines).toMatchObject([{ route: 'tickets', bytes: 1_000 }]);
  expect(all.uses).toMatchObject([{ requestBytes: 400, answerBytes: 600, isWrite: true }]);
  // On its way up: nobody has answered yet.
  expect(await post(501)).toMatchObject({ status: 429, headers: { 'x-paddock-rule': 'broker.cap' } });
  // None is left.
  expect(await post(1)).toMatchObject({ status: 429, headers: { 'x-paddock-rule': 'broker.cap' } });
  expect(all.refusals.map(({ ruleId }) => ruleId)).toEqual(['broker.cap', 'broker.cap']);
});

it('breaks an answer off at the session’s bytes, and tells those outside why', async () => {
  await using all = await opened(
    (_request, response) => void response.end('y'.repeat(600)),
    { caps: { bytes: 500 } },
    (url) => [customRoute(wanted(url))],
  );
  await expect(ask(all.broker, { path: '/tickets/v1/ticket/1' })).rejects.toThrow();
  expect(all.refusals).toMatchObject([{ ruleId: 'broker.cap', route: 'tickets' }]);
});

it('a rule is refused with a name that is taken, a path that is none, or a header that is not for rules', () => {
  const fine = wanted(new URL('https://tickets.test'));
  const odd: Partial<CustomRoute>[] = [
    { id: 'anthropic' },
    { id: 'a/b' },
    { allow: [{ method: 'GET', path: 'v1' }] },
    { allow: [{ method: 'GET', path: '/v1/**' }] },
    { allow: [{ method: 'GET', path: '/v1/../x' }] },
    { headers: ['host'] },
    { headers: ['X-Forwarded-For'] },
  ];
  for (const extra of odd) {
    expect(() => customRoute({ ...fine, ...extra })).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }) as Error);
  }
});
