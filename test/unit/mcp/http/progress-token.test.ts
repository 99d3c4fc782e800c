import { expect, it } from 'vitest';
import { HttpStage } from './support/stage.js';

async function answerTo(progressToken: string | number): Promise<string> {
  await using stage = await new HttpStage().start();
  stage.work = (_, { progress }) => {
    for (let at = 0; at < 20; at += 1) progress('further');
    return Promise.resolve();
  };
  const { headers } = await stage.send();
  const params = { name: 'whoami', arguments: {}, _meta: { progressToken } };
  const { text } = await stage.send({
    headers: { 'mcp-session-id': String(headers['mcp-session-id']), 'mcp-protocol-version': '2025-06-18' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params }),
  });
  return text;
}

const notifications = (text: string) => text.split('notifications/progress').length - 1;

it('tells progress by a token of any kind that clients have', async () => {
  for (const token of [0, 7, 'a', 'a'.repeat(1024)]) expect(notifications(await answerTo(token))).toBe(20);
});

it('does not say a token of megabytes again with every step, and answers the call all the same', async () => {
  const text = await answerTo('a'.repeat(1024 ** 2));
  expect(text.length).toBeLessThan(10_000);
  expect(text).toContain('ada');
  expect(notifications(text)).toBe(0);
});
