import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/kit/deferred.js';
import { HttpStage, keyOf } from './support/stage.js';

let stage: HttpStage;

beforeEach(async () => {
  stage = await new HttpStage({ mcpSessions: 2, mcpSessionIdleMs: 1000, requests: 2, drainMs: 5000 }).start();
});

afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.errors).toEqual([]);
});

const list = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
const bearer = (caller: keyof typeof keyOf, id?: string) => ({
  authorization: `Bearer ${keyOf[caller]}`,
  'mcp-protocol-version': '2025-06-18',
  ...(id === undefined ? {} : { 'mcp-session-id': id }),
});

async function begin(caller: keyof typeof keyOf): Promise<string> {
  const { headers } = await stage.send({ headers: bearer(caller) });
  return String(headers['mcp-session-id']);
}

describe('two clients', () => {
  it('each get their own answers and their own progress, with the same ids of requests', async () => {
    const gates = { ada: deferred<undefined>(), bob: deferred<undefined>() };
    stage.work = async (words, { progress }) => {
      progress(`working for ${words}`);
      await gates[words as 'ada' | 'bob'].promise;
    };
    const told: Record<string, string[]> = { ada: [], bob: [] };
    const calls = (['ada', 'bob'] as const).map(async (who) => {
      const { client } = await stage.connect(who);
      const onprogress = ({ message }: { message?: string | undefined }) => void told[who]?.push(message ?? '');
      const result = await client.callTool({ name: 'whoami', arguments: { words: who } }, undefined, { onprogress });
      await client.close();
      return result.structuredContent;
    });
    await expect.poll(() => told).toEqual({ ada: ['working for ada'], bob: ['working for bob'] });
    gates.bob.resolve(undefined);
    gates.ada.resolve(undefined);
    expect(await Promise.all(calls)).toEqual([
      { caller: 'ada', words: 'ada' },
      { caller: 'bob', words: 'bob' },
    ]);
  });

  it('can use no MCP session of another key, which is answered as one that is not there', async () => {
    const id = await begin('ada');
    const unknown = 'a'.repeat(52);
    for (const method of ['POST', 'GET', 'DELETE']) {
      const replies = [id, unknown, '', `${id} `.trim().toUpperCase()].map(async (one) => {
        const { status, text } = await stage.send({ method, body: list, headers: bearer('bob', one) });
        return { status, text };
      });
      const [foreign, ...others] = await Promise.all(replies);
      expect(foreign?.status).toBe(404);
      for (const other of others) expect(other).toEqual(foreign);
    }
    expect(await stage.send({ body: list, headers: bearer('ada', id) })).toMatchObject({ status: 200 });
  });

  it('find nothing at an id that was closed', async () => {
    const id = await begin('ada');
    expect(await stage.send({ method: 'DELETE', headers: bearer('ada', id) })).toMatchObject({ status: 200 });
    expect(await stage.send({ body: list, headers: bearer('ada', id) })).toMatchObject({ status: 404 });
  });

  it('do not take each other’s room: a key has so many MCP sessions, of which the longest unused one goes', async () => {
    const [first, second] = [await begin('ada'), await begin('ada')];
    const bobs = await begin('bob');
    const third = await begin('ada');
    const statuses = [
      await stage.send({ body: list, headers: bearer('ada', first) }),
      await stage.send({ body: list, headers: bearer('ada', second) }),
      await stage.send({ body: list, headers: bearer('ada', third) }),
      await stage.send({ body: list, headers: bearer('bob', bobs) }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([404, 200, 200, 200]);
  });

  it('do not wait for each other: a key has so many requests at work, and is told when to come again', async () => {
    const gate = deferred<undefined>();
    stage.work = (words) => (words === 'wait' ? gate.promise : Promise.resolve(undefined));
    const [ada, bob] = [await stage.connect('ada'), await stage.connect('bob')];
    const call = (words: string) => ({ name: 'whoami', arguments: { words } });
    const waiting = [ada.client.callTool(call('wait')), ada.client.callTool(call('wait'))];
    const id = String(ada.transport.sessionId);
    await expect.poll(async () => (await stage.send({ body: list, headers: bearer('ada', id) })).status).toBe(429);
    const { headers } = await stage.send({ body: list, headers: bearer('ada', id) });
    expect(headers['retry-after']).toBe('1');
    expect((await bob.client.callTool(call('now'))).structuredContent).toEqual({ caller: 'bob', words: 'now' });
    gate.resolve(undefined);
    await Promise.all(waiting);
  });
});

describe('a key that sends more than it may', () => {
  it('is told when to come again, and nothing of the request is read', async () => {
    stage.waitMs = 1500;
    const { status, headers } = await stage.send({ body: 'x' });
    expect([status, headers['retry-after']]).toEqual([429, '2']);
    expect(stage.refused).toEqual(['too-many ada']);
  });
});

describe('an MCP session', () => {
  it('is closed once nobody has used it for long', async () => {
    const id = await begin('ada');
    await stage.sweep();
    expect(await stage.send({ body: list, headers: bearer('ada', id) })).toMatchObject({ status: 200 });
    stage.nowMs += 1000;
    await stage.sweep();
    expect(await stage.send({ body: list, headers: bearer('ada', id) })).toMatchObject({ status: 404 });
  });

  it('ends with its key, and so does what is being done in it', async () => {
    const [begun, aborted] = [deferred<undefined>(), deferred<undefined>()];
    stage.work = (_words, { signal }) => {
      begun.resolve(undefined);
      signal.addEventListener('abort', () => aborted.resolve(undefined));
      return aborted.promise;
    };
    const { client, transport } = await stage.connect('ada');
    const call = client.callTool({ name: 'whoami', arguments: {} }).catch(() => 'over');
    const id = String(transport.sessionId);
    await begun.promise;
    stage.good.delete('ada');
    expect(await stage.send({ body: list, headers: bearer('ada', id) })).toMatchObject({ status: 401 });
    await stage.sweep();
    await aborted.promise;
    await client.close();
    expect(await call).toBe('over');
  });
});

describe('a server that is to end', () => {
  it('takes nothing more, and lets calls that are at work come to their end', async () => {
    const gate = deferred<undefined>();
    const begun = deferred<undefined>();
    stage.work = () => {
      begun.resolve(undefined);
      return gate.promise;
    };
    const { client } = await stage.connect('ada');
    const call = client.callTool({ name: 'whoami', arguments: {} });
    await begun.promise;
    let isOver = false;
    const drained = stage.drain().then(() => {
      isOver = true;
    });
    await expect(stage.send()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(isOver).toBe(false);
    gate.resolve(undefined);
    expect((await call).structuredContent).toMatchObject({ caller: 'ada' });
    await drained;
  });

  it('waits for no longer than it may', async () => {
    await stage[Symbol.asyncDispose]();
    stage = await new HttpStage({ drainMs: 50 }).start();
    const begun = deferred<undefined>();
    stage.work = (_words, { signal }) => {
      begun.resolve(undefined);
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('over'))));
    };
    const { client } = await stage.connect('ada');
    const call = client.callTool({ name: 'whoami', arguments: {} }).catch(() => 'cut off');
    await begun.promise;
    await stage.drain();
    await stage[Symbol.asyncDispose]();
    await client.close();
    expect(await call).toBe('cut off');
  });
});
