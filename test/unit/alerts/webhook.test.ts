import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Webhook, type WebhookLimits } from '../../../src/alerts/webhook.js';
import { systemClock } from '../../../src/kit/clock.js';
import { Secret } from '../../../src/kit/secret.js';
import type { Alarm } from '../../../src/monitor/alarms/alarm.js';

interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly url: string | undefined;
  readonly body: string;
}

/** A receiver that answers with these statuses, then always with the last; 0: not at all. */
async function receiver(statuses: readonly number[]) {
  const deliveries: Delivery[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const status = statuses[Math.min(deliveries.length, statuses.length - 1)] ?? 200;
      deliveries.push({ headers: request.headers, url: request.url, body: Buffer.concat(chunks).toString() });
      if (status === 0) return;
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('thanks');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { deliveries, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=sesame` };
}

const key = 'k'.repeat(32);
const alarm: Alarm = {
  session: 's',
  kind: 'oom',
  level: 'critical',
  atMs: 1000,
  text: 'killed',
  values: { oomKills: 1 },
};

function staged(url: string, limits: Partial<WebhookLimits> = {}) {
  const results: string[] = [];
  const webhook = new Webhook({
    ...{ url: new Secret(url), key: new Secret(key), host: 'h', version: '1' },
    ...{ clock: systemClock, limits: { pausesMs: [1, 1], ...limits } },
    onAlert: (outlet, result, why) => results.push(`${outlet} ${result} ${why ?? ''}`.trim()),
  });
  return { webhook, results };
}

const settled = (results: readonly string[], count: number) =>
  expect.poll(() => results.length, { timeout: 20_000 }).toBe(count);

describe('a webhook', () => {
  it('gets an alarm as JSON, signed so that it can be told from another and from an old one', async () => {
    const { url, deliveries } = await receiver([204]);
    const { webhook, results } = staged(url);
    webhook.send(alarm);
    await settled(results, 1);
    const [{ headers, body, url: path } = { headers: {}, body: '', url: '' }] = deliveries;
    expect([results, path]).toEqual([['webhook ok'], '/hook?token=sesame']);
    expect(JSON.parse(body)).toMatchObject({ ...alarm, host: 'h', version: '1', time: '1970-01-01T00:00:01.000Z' });
    const [, seconds = '', signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['paddock-signature'])) ?? [];
    expect(signature).toBe(createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex'));
    expect(headers['content-type']).toBe('application/json');
  });

  it('gets no signature where there is no key', async () => {
    const { url, deliveries } = await receiver([200]);
    const webhook = new Webhook({
      ...{ url: new Secret(url), key: undefined, host: 'h', version: '1', clock: systemClock },
      onAlert: () => undefined,
    });
    webhook.send(alarm);
    await webhook[Symbol.asyncDispose]();
    expect(deliveries[0]?.headers['paddock-signature']).toBeUndefined();
  });

  it('that fails for now is tried again, under the same id', async () => {
    const { url, deliveries } = await receiver([503, 429, 200]);
    const { webhook, results } = staged(url);
    webhook.send(alarm);
    await settled(results, 1);
    expect(results).toEqual(['webhook ok']);
    expect(new Set(deliveries.map(({ headers }) => headers['paddock-delivery'])).size).toBe(1);
    expect(deliveries.length).toBe(3);
  });

  it.each([404, 401, 302])('that answers %i for good is not tried again, nor followed', async (status) => {
    const { url, deliveries } = await receiver([status]);
    const { webhook, results } = staged(url);
    webhook.send(alarm);
    await settled(results, 1);
    expect(results).toEqual([`webhook failed the webhook answered with status ${status}`]);
    expect(deliveries.length).toBe(1);
  });

  it('that does not answer is given up in the end, and why says nothing of its address', async () => {
    const { url, deliveries } = await receiver([0]);
    const { webhook, results } = staged(url, { attemptMs: 50 });
    webhook.send(alarm);
    await settled(results, 1);
    expect([results, deliveries.length]).toEqual([
      ['webhook failed the webhook could not be reached (no answer in time)'],
      3,
    ]);
    const gone = staged('http://127.0.0.1:1/sesame');
    gone.webhook.send(alarm);
    await settled(gone.results, 1);
    expect(gone.results).toEqual(['webhook failed the webhook could not be reached (ECONNREFUSED)']);
  });

  it('lets only so many wait, and whoever sends waits for none', async () => {
    const { url } = await receiver([0]);
    const { webhook, results } = staged(url, { waiting: 2, attemptMs: 60_000, farewellMs: 1 });
    for (let i = 0; i < 5; i += 1) webhook.send(alarm);
    // The first is under way already.
    expect(results).toEqual(Array.from({ length: 2 }, () => 'webhook dropped too many wait for the webhook'));
    await webhook[Symbol.asyncDispose]();
    expect(results.filter((one) => one.includes('failed')).length).toBe(3);
    webhook.send(alarm);
    expect(results.length).toBe(6);
  });

  it('gets what is under way when the process ends', async () => {
    const { url, deliveries } = await receiver([200]);
    const { webhook, results } = staged(url);
    webhook.send(alarm);
    webhook.send(alarm);
    await webhook[Symbol.asyncDispose]();
    expect([results, deliveries.length]).toEqual([['webhook ok', 'webhook ok'], 2]);
  });
});
