import { PassThrough } from 'node:stream';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { deferred } from '../../../src/kit/deferred.js';
import { OpenRequests } from '../../../src/mcp/open-requests.js';
import { buildServer } from '../../../src/mcp/server.js';
import { serveStdio } from '../../../src/mcp/stdio.js';
import { defineTool, type ToolContext } from '../../../src/tools/define-tool.js';
import { InMemoryAudit } from '../session/support/audit.js';
import { HttpStage } from './http/support/stage.js';

/** Calls that are at work, each until it is resolved or cancelled. */
class Work {
  readonly begun: { readonly context: ToolContext; readonly end: () => void }[] = [];

  readonly do = async (_words: string, context: ToolContext): Promise<void> => {
    const end = deferred<undefined>();
    this.begun.push({ context, end: () => end.resolve(undefined) });
    context.signal.addEventListener('abort', () => end.resolve(undefined));
    await end.promise;
  };

  /** Once so many have begun, whether each has been cancelled. */
  async cancelled(count: number): Promise<readonly boolean[]> {
    await expect.poll(() => this.begun.length).toBe(count);
    return this.begun.map(({ context }) => context.signal.aborted);
  }
}

const call = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'whoami', arguments: {} } });
const cancel = (requestId: unknown) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
const refusal = { jsonrpc: '2.0', id: null, error: { code: -32600, message: expect.stringContaining('of its own') } };

describe('over HTTP, the id of a request that is open', () => {
  let work: Work;
  let stage: HttpStage;
  let session: string;
  const post = (message: unknown) =>
    stage.send({ headers: { 'mcp-session-id': session }, body: JSON.stringify(message) });

  beforeEach(async () => {
    work = new Work();
    stage = await new HttpStage().start();
    stage.work = work.do;
    session = String((await stage.send()).headers['mcp-session-id']);
  });
  afterEach(async () => {
    for (const { end } of work.begun) end();
    await stage[Symbol.asyncDispose]();
  });

  it('is no other’s: that one is refused, and the first is answered, after which the id may be used', async () => {
    const first = post(call(7));
    await work.cancelled(1);
    const second = await post(call(7));
    expect([second.status, JSON.parse(second.text)]).toEqual([400, refusal]);
    expect(stage.refused).toEqual(['reused-id ada']);
    const other = post(call('7'));
    await work.cancelled(2);
    for (const { end } of work.begun) end();
    for (const one of [await first, await other]) expect(one.text).toContain('"caller":"ada"');
    const again = post(call(7));
    await work.cancelled(3);
    work.begun[2]?.end();
    expect((await again).text).toContain('"caller":"ada"');
  });

  it('is refused while the first is on its way, and what the transport refuses leaves it free', async () => {
    const odd = await stage.send({
      headers: { 'mcp-session-id': session, accept: 'text/html' },
      body: JSON.stringify(call(7)),
    });
    expect(odd.status).toBe(406);
    const both = [post(call(7)), post(call(7))];
    await work.cancelled(1);
    const refused = await Promise.race(both);
    expect(refused.status).toBe(400);
    work.begun[0]?.end();
    expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([200, 400]);
  });

  it('cancels that request, and is free then', async () => {
    const first = post(call(7));
    await work.cancelled(1);
    expect((await post(call(7))).status).toBe(400);
    expect((await post(cancel(7))).status).toBe(202);
    await expect.poll(() => work.cancelled(1)).toEqual([true]);
    const again = post(call(7));
    expect(await work.cancelled(2)).toEqual([true, false]);
    work.begun[1]?.end();
    expect((await again).text).toContain('"caller":"ada"');
    // It is answered all the same, so that nothing of it is kept; its client has stopped to listen.
    expect((await first).text).toContain('the request was cancelled');
  });

  it('leaves nothing of a request that was cancelled to look through at each answer', async () => {
    for (let id = 1; id <= 20; id += 1) {
      const gone = post(call(id)).catch(() => undefined);
      await work.cancelled(id);
      await post(cancel(id));
      await gone;
    }
    expect(await work.cancelled(20)).toEqual(Array.from({ length: 20 }, () => true));
    // A second one for a request that is over is for nobody.
    expect((await post(cancel(7))).status).toBe(202);
  });

  it('is short: what is kept of a request is not megabytes', async () => {
    const long = await post(call('x'.repeat(257)));
    expect([long.status, JSON.parse(long.text)]).toEqual([400, refusal]);
    expect(stage.refused).toEqual(['reused-id ada']);
    const first = post(call('x'.repeat(256)));
    await work.cancelled(1);
    work.begun[0]?.end();
    expect((await first).text).toContain('"caller":"ada"');
  });
});

describe('over stdio, the id of a request that is open', () => {
  it('is no other’s, and still cancels the first', async () => {
    const work = new Work();
    const tool = defineTool({
      ...{ name: 'whoami', title: 'Who am I', description: 'Says who calls.' },
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      ...{ input: z.strictObject({}), output: z.object({}) },
      async handle(_services: undefined, _input, context) {
        await work.do('', context);
        return { structured: {}, text: 'done' };
      },
    });
    const [input, output] = [new PassThrough(), new PassThrough()];
    const told: string[] = [];
    let said = '';
    output.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    const server = buildServer({
      ...{ version: '0', tools: [tool], audit: new InMemoryAudit() },
      ...{ services: () => Promise.resolve(undefined), onFailure: () => undefined },
    });
    const served = serveStdio(
      server,
      { input, output, onRefused: (what) => void told.push(what) },
      new AbortController().signal,
    );
    const say = (message: unknown) => input.write(`${JSON.stringify(message)}\n`);
    say(call(0));
    say(call(1));
    say(call(1));
    expect(await work.cancelled(2)).toEqual([false, false]);
    expect(told).toEqual(['reused-id']);
    say(cancel(1));
    await expect.poll(() => work.cancelled(2)).toEqual([false, true]);
    await new Promise((resolve) => setImmediate(resolve));
    say(call(1));
    await work.cancelled(3);
    work.begun[2]?.end();
    await expect
      .poll(() =>
        said
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      )
      .toEqual([refusal, expect.objectContaining({ id: 1, result: expect.anything() })]);
    work.begun[0]?.end();
    input.end();
    await served;
  });

  it('is free once the SDK has cancelled, which it does after the message', async () => {
    const [heard, dropped]: [unknown[], number[]] = [[], []];
    const transport: Transport = {
      ...{ start: () => Promise.resolve(), send: () => Promise.resolve(), close: () => Promise.resolve() },
      onmessage: (message) => void heard.push(message),
    };
    new OpenRequests().watch(transport, () => void dropped.push(heard.length));
    await transport.start();
    const say = (message: unknown) => transport.onmessage?.(message as JSONRPCMessage);
    for (const message of [call(1), cancel(1), call(1)]) say(message);
    expect([heard, dropped]).toEqual([[call(1), cancel(1)], [2]]);
    await new Promise((resolve) => setImmediate(resolve));
    say(call(1));
    expect(heard).toHaveLength(3);
    // The SDK cancels none of this id.
    for (const message of [call(0), cancel(0)]) say(message);
    await new Promise((resolve) => setImmediate(resolve));
    say(call(0));
    expect(dropped).toEqual([2, 5]);
    say(call('x'.repeat(257)));
    expect(dropped).toEqual([2, 5, 5]);
    // What the server asks of its client is no answer, whatever its id.
    await transport.send({ jsonrpc: '2.0', id: 0, method: 'ping' });
    say(call(0));
    await transport.send({ jsonrpc: '2.0', id: 0, result: {} });
    say(call(0));
    expect([heard.length, dropped]).toEqual([6, [2, 5, 5, 5]]);
  });
});
