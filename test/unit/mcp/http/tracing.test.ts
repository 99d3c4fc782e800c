import { expect, it } from 'vitest';
import { HttpStage } from './support/stage.js';

it('hands on what a caller says a call belongs to, in the call and in its request, and no name but those of tools', async () => {
  await using stage = await new HttpStage().start();
  const seen: unknown[] = [];
  stage.trace = async (call, run) => {
    seen.push(call);
    return await run();
  };
  const { headers } = await stage.send();
  const send = (params: object, traceparent?: string) =>
    stage.send({
      body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params }),
      headers: {
        'mcp-session-id': String(headers['mcp-session-id']),
        'mcp-protocol-version': '2025-06-18',
        traceparent,
      },
    });
  await send({ name: 'whoami', _meta: { traceparent: 'of the call' } }, 'of the request');
  await send({ name: 'what a caller writes', _meta: { traceparent: ['x'] } });
  expect(seen).toEqual([
    { tool: 'whoami', traceparents: ['of the call', 'of the request'] },
    { tool: 'unknown', traceparents: [['x'], undefined] },
  ]);
  expect(stage.errors).toEqual([]);
});
