import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineClient } from '../../src/engine/client.js';
import { Transport } from '../../src/engine/transport/transport.js';
import { FakeEngine, json } from './support/fake-engine.js';

const id = 'a'.repeat(64);

describe('calls to an engine', () => {
  let fake: FakeEngine;
  let engine: EngineClient;

  beforeEach(async () => {
    fake = await FakeEngine.start();
    engine = client('docker');
  });
  afterEach(async () => {
    await engine[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  });

  function client(kind: 'docker' | 'podman'): EngineClient {
    const identity = { kind, version: '1', socketPath: fake.socketPath, origin: 'test', startedByUs: false };
    return new EngineClient(identity, '1.41', new Transport({ socketPath: fake.socketPath }));
  }

  it.each([
    [404, { message: 'No such container: x' }, 'ENGINE_NOT_FOUND', 'No such container: x'],
    [409, { cause: 'c', message: 'is paused', response: 409 }, 'ENGINE_CONFLICT', 'is paused'],
    [500, { message: 'bad \u202e thing\nsecond' }, 'ENGINE_FAILED', 'bad \\u{202e} thing | second'],
    [302, {}, 'ENGINE_PROTOCOL', ''],
  ])(
    "status %i becomes an error with its code and the engine's own words, made safe",
    async (status, body, code, words) => {
      fake.script = (socket) => socket.write(json(status, body));
      const message = expect.stringContaining(words) as unknown;
      const wanted = { name: 'EngineError', code, message, info: { status } };
      await expect(engine.inspectContainer(id)).rejects.toMatchObject(wanted);
    },
  );

  it('caps the words of an error that is no JSON', async () => {
    const text = 'x'.repeat(100_000);
    fake.script = (socket) => socket.write(`HTTP/1.1 500 X\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    const error: unknown = await engine.inspectContainer(id).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ENGINE_FAILED' });
    expect((error as Error).message.length).toBeLessThan(500);
  });

  it.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n', 'ENGINE_PROTOCOL'],
    ['no JSON', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<a>', 'ENGINE_PROTOCOL'],
    ['JSON of another shape', json(200, { Id: 7 }), 'ENGINE_PROTOCOL'],
    ['a huge header', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`, 'ENGINE_PROTOCOL'],
  ])('an answer that is %s is a protocol error', async (_what, bytes, code) => {
    fake.script = (socket) => socket.write(bytes);
    await expect(engine.inspectContainer(id)).rejects.toMatchObject({ code });
  });

  it('does not read an answer without end', async () => {
    let isGone = false;
    fake.script = (socket) => {
      socket.on('close', () => {
        isGone = true;
      });
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = `100000\r\n${'z'.repeat(0x100000)}\r\n`;
      const pour = (): void => {
        while (!socket.destroyed && socket.write(chunk));
        if (!socket.destroyed) socket.once('drain', pour);
      };
      pour();
    };
    await expect(engine.inspectContainer(id)).rejects.toMatchObject({ code: 'ENGINE_PROTOCOL' });
    await expect.poll(() => isGone).toBe(true);
  });

  it('an answer cut off in the middle is an error, not half a value', async () => {
    fake.script = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"Id":');
    await expect(engine.inspectContainer(id)).rejects.toMatchObject({ name: 'EngineError' });
  });

  it('repeats a read once when a kept connection had died', async () => {
    fake.script = (socket) => socket.write(json(404, {}));
    await expect(engine.inspectContainer(id)).rejects.toMatchObject({ code: 'ENGINE_NOT_FOUND' });
    let calls = 0;
    fake.script = (socket) => {
      calls += 1;
      if (calls === 1) socket.destroy();
      else socket.write(json(404, {}));
    };
    await expect(engine.inspectContainer(id)).rejects.toMatchObject({ code: 'ENGINE_NOT_FOUND' });
    expect(calls).toBe(2);
  });

  it('sends a creation once only, also when the connection dies under it', async () => {
    fake.script = (socket) => socket.destroy();
    await expect(engine.createContainer('paddock-x', {})).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(fake.requests).toHaveLength(1);
  });

  it.each([
    ['podman', '/v4.0.0/libpod/containers/', 201, { Id: id }],
    ['docker', '/v1.41/containers/', 200, { Warnings: null }],
  ] as const)('changes a container of %s once, by its own endpoint', async (kind, path, status, answer) => {
    await using other = client(kind);
    fake.script = (socket) => socket.write(json(status, answer));
    await other.updateContainer(id, { pids: { limit: 9 } });
    expect(fake.requests).toHaveLength(1);
    expect(fake.requests[0]).toContain(`POST ${path}${id}/update HTTP/1.1`);
    expect(fake.requests[0]).toContain('{"pids":{"limit":9}}');
    fake.script = (socket) => socket.destroy();
    await expect(other.updateContainer(id, {})).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });

  it('a service that has gone is unavailable, and one that is back is used again', async () => {
    fake.script = (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    await engine.startContainer(id);
    await fake.vanish();
    await expect(engine.startContainer(id)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryable: true });
    await fake.listen();
    fake.script = (socket) => socket.write(json(201, { Id: id, Warnings: null }));
    expect(await engine.createContainer('paddock-x', {})).toEqual({ id, warnings: [] });
  });

  it('a call to an engine that hangs ends with its signal', async () => {
    fake.script = () => undefined;
    const failure = engine.inspectContainer(id, AbortSignal.timeout(50));
    await expect(failure).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('a call to an engine that hangs ends at its deadline, before the headers and within the body', async () => {
    await using transport = new Transport({ socketPath: fake.socketPath });
    const call = { method: 'GET', path: '/x', timeoutMs: 60 } as const;
    fake.script = () => undefined;
    await expect(transport.call(call)).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT', info: { timeoutMs: 60 } });
    fake.script = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{');
    await expect(transport.call(call)).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' });
    fake.ping = null;
    await expect(transport.call({ ...call, method: 'POST' })).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' });
  });

  it('a signal that has fired already sends nothing', async () => {
    await expect(engine.startContainer(id, AbortSignal.abort())).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(fake.requests).toEqual([]);
  });

  it('a removal that is under way is waited for, until the container is gone', async () => {
    const answers = [json(409, { message: 'removal in progress' }), json(500, { message: 'x' }), json(404, {})];
    fake.script = (socket) => socket.write(answers.shift() ?? json(500, {}));
    expect(await engine.removeContainer(id)).toBe(true);
    fake.script = (socket) => socket.write(json(404, {}));
    expect(await engine.removeContainer(id)).toBe(false);
  });

  it('a failure within the progress of an import or a pull is a failure, whatever the status was', async () => {
    fake.script = (socket) => {
      const lines = '{"status":"x"}\r\n{"errorDetail":{},"error":"no space"}\r\n';
      socket.write(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${lines.length.toString(16)}\r\n${lines}\r\n0\r\n\r\n`,
      );
    };
    await expect(engine.pullImage('docker.io/library/x:1')).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });

  it('names that would change the path never reach the engine', async () => {
    await expect(engine.inspectContainer('../images/json')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(engine.inspectImage('localhost/x/../../containers')).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    });
    const tar = Readable.from(['x']);
    await expect(engine.importImage('short:1', tar)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect(tar.destroyed).toBe(true);
    expect(fake.requests).toEqual([]);
  });

  it('events come one by one however their lines are split, and end quietly when the connection breaks', async () => {
    const line = JSON.stringify({
      Type: 'container',
      Action: 'died',
      Actor: { ID: id, Attributes: { a: 'b' } },
      timeNano: 2e6,
    });
    fake.script = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      // It breaks off in the midst of a third, and of the reply.
      for (const byte of `${line}\n${line}\n${line.slice(0, -9)}`) socket.write(`1\r\n${byte}\r\n`);
      socket.end();
    };
    const seen: unknown[] = [];
    for await (const event of engine.events([], new AbortController().signal)) seen.push(event);
    const wanted = { action: 'die', containerId: id, labels: { a: 'b' }, timeMs: 2 };
    expect(seen).toEqual([wanted, wanted]);
  });

  it('an event line without end, or one that is none, is refused, or left out and told', async () => {
    const line = JSON.stringify({ Type: 'container', Action: 'kill', Actor: { ID: id, Attributes: {} }, time: 3 });
    const all = async (onUnreadable?: () => void) => {
      const seen: string[] = [];
      const options = onUnreadable === undefined ? {} : { onUnreadable };
      for await (const event of engine.events([], new AbortController().signal, options)) seen.push(event.action);
      return seen;
    };
    for (const unreadable of ['x'.repeat(3 * 1024 * 1024), '{"Type":"container"}', 'x']) {
      fake.script = (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
        socket.end(`${line}\n${unreadable}\n${line}\n${unreadable}`);
      };
      let told = 0;
      expect(
        await all(() => {
          told += 1;
        }),
      ).toEqual(['kill', 'kill']);
      expect(told).toBe(2);
      await expect(all()).rejects.toMatchObject({ code: 'ENGINE_PROTOCOL' });
    }
  });

  it('events of a time that has passed are asked for in whole seconds', async () => {
    fake.script = (socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
    for await (const event of engine.events([], new AbortController().signal, { sinceMs: 1_234_999 }))
      expect(event).toBe(1);
    expect(fake.requests.at(-1)).toMatch(/[?&]since=1234(&| |$)/);
  });
});
