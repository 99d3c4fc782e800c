import { expect, it } from 'vitest';
import { Gathered } from '../../../../src/egress/broker/gathered.js';
import { sendJson } from './support/fake-provider.js';
import { ask } from './support/inside.js';
import { message, messageAnswer, opened } from './support/open.js';

const path = '/anthropic/v1/messages';

it('a body of many small items is refused, and one long string is not', async () => {
  await using all = await opened((_request, response) => sendJson(response, messageAnswer));
  const many = `{"model":"claude-sonnet-5","messages":[${'{},'.repeat(150_000)}{}]}`;
  const refused = await ask(all.broker, { path, body: many });
  expect(refused).toMatchObject({ status: 413, headers: { 'x-paddock-rule': 'broker.body-size' } });
  expect(all.provider.seen).toEqual([]);
  const long = message({ system: '{},['.repeat(500_000) });
  expect((await ask(all.broker, { path, body: long })).status).toBe(200);
});

it('bytes that come in pieces are held in one place, and dropped from the front', () => {
  const gathered = new Gathered();
  for (const byte of Buffer.from('abc'.repeat(1_000))) gathered.push(Buffer.from([byte]));
  expect(gathered.bytes.toString()).toBe('abc'.repeat(1_000));
  expect(gathered.bytes.buffer.byteLength).toBeLessThan(10_000);
  gathered.drop(2_998);
  gathered.push(Buffer.from('d'));
  expect(gathered.bytes.toString()).toBe('bcd');
  gathered.clear();
  expect(gathered.length).toBe(0);
});
