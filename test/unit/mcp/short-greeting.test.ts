import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { expect, it } from 'vitest';
import { buildServer } from '../../../src/mcp/server.js';
import { InMemoryAudit } from '../session/support/audit.js';
import { HttpStage, initialize } from './http/support/stage.js';

async function greeted(name: string, experimental: Record<string, object>) {
  const server = buildServer({
    ...{ version: '0', tools: [], audit: new InMemoryAudit() },
    ...{ services: () => Promise.resolve(undefined), onFailure: () => undefined },
  });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name, version: '1' }, { capabilities: { elicitation: {}, experimental } });
  await Promise.all([server.connect(ours), client.connect(theirs)]);
  const said = { client: server.getClientVersion(), capabilities: server.getClientCapabilities() };
  await client.close();
  return said;
}

it('keeps of a client what it is called and can do, and no megabytes of either', async () => {
  const { client, capabilities } = await greeted('agent', { trace: { on: true } });
  expect(client).toEqual({ name: 'agent', version: '1' });
  expect(capabilities).toMatchObject({ elicitation: {}, experimental: { trace: { on: true } } });
  const long = await greeted('é'.repeat(1024 ** 2), { trace: { text: 'x'.repeat(1024 ** 2) } });
  expect(long.client).toEqual({ name: 'é'.repeat(256), version: '1' });
  expect(long.capabilities).toEqual({});
});

it('answers one of megabytes over HTTP all the same', async () => {
  await using stage = await new HttpStage().start();
  const { params } = initialize;
  const clientInfo = { name: 'x'.repeat(1024 ** 2), version: 'y'.repeat(1024 ** 2) };
  const { status, text } = await stage.send({
    body: JSON.stringify({ ...initialize, params: { ...params, clientInfo } }),
  });
  expect([status, text.length < 10_000]).toEqual([200, true]);
  expect(text).toContain('"protocolVersion":"2025-06-18"');
});
