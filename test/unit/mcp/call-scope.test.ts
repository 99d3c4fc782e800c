import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { scopeNote } from '../../../src/mcp/call-scope.js';
import { buildServer } from '../../../src/mcp/server.js';
import { defineTool } from '../../../src/tools/define-tool.js';
import { InMemoryAudit } from '../session/support/audit.js';

const tool = (name: string, called: string[]) =>
  defineTool({
    ...{ name, title: name, description: name, input: z.strictObject({}), output: z.object({}) },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handle: () => {
      called.push(name);
      return Promise.resolve({ structured: {}, text: 'done' });
    },
  });

const lacks = (name: string) => (name === 'look' ? undefined : ['paddock:run']);

it.each([
  ['makes a call of the scope of its token', 'look', true, scopeNote('ada', lacks), true],
  ['refuses a call of another scope, whatever the door let through', 'run', true, scopeNote('ada', lacks), false],
  ['refuses a call whose scope nobody says', 'look', true, undefined, false],
  [
    'refuses a call whose scope is no answer',
    'look',
    true,
    { ...scopeNote('ada', lacks), extra: { lacks: '' } },
    false,
  ],
  ['makes a call by a key, which has no scopes', 'run', false, undefined, true],
])('the server %s', async (_what, name, isScoped, authInfo, isMade) => {
  const called: string[] = [];
  const audit = new InMemoryAudit();
  const tools = [tool('look', called), tool('run', called)];
  const services = () => Promise.resolve({});
  const server = buildServer({ version: '0', tools, audit, isScoped, services, onFailure: () => undefined });
  const [mine, its] = InMemoryTransport.createLinkedPair();
  await server.connect(its);
  const answer = new Promise<JSONRPCMessage>((resolve) => {
    mine.onmessage = resolve;
  });
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } } as const;
  await mine.send(call, authInfo === undefined ? {} : { authInfo });
  expect(await answer).toMatchObject({ result: isMade ? { structuredContent: {} } : { isError: true } });
  expect(called).toEqual(isMade ? [name] : []);
  expect(audit.events).toEqual(isMade ? [] : ['tool.refused BAD_ARGUMENT']);
  await server.close();
});
