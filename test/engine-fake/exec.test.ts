import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineClient } from '../../src/engine/client.js';
import { Transport } from '../../src/engine/transport/transport.js';
import { FakeEngine, frame, json } from './support/fake-engine.js';

const id = 'b'.repeat(64);
const upgraded =
  'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';

const text = async (stream: Readable) => Buffer.concat(await stream.toArray()).toString();

describe('the streams of an exec', () => {
  let fake: FakeEngine;
  let engine: EngineClient;

  beforeEach(async () => {
    fake = await FakeEngine.start();
    const identity = {
      kind: 'docker',
      version: '1',
      socketPath: fake.socketPath,
      origin: 'test',
      startedByUs: false,
    } as const;
    engine = new EngineClient(identity, '1.41', new Transport({ socketPath: fake.socketPath }));
  });
  afterEach(async () => {
    await engine[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  });

  async function outputs() {
    const streams = await engine.startExec(id, { tty: false });
    const [stdout, stderr] = await Promise.all([text(streams.stdout), text(streams.stderr)]);
    await streams.closed;
    return { stdout, stderr };
  }

  it('come out the same at whatever offset the answer is split, early bytes included', async () => {
    const wire = Buffer.concat([Buffer.from(upgraded), frame(1, 'out'), frame(2, 'err'), frame(1, '!')]);
    for (let at = 1; at < wire.length; at += 1) {
      fake.script = (socket) => {
        socket.write(wire.subarray(0, at));
        setImmediate(() => socket.end(wire.subarray(at)));
      };
      expect(await outputs()).toEqual({ stdout: 'out!', stderr: 'err' });
    }
  });

  it('carry stdin, and its end alone, while the output goes on', async () => {
    fake.script = (socket) => {
      socket.write(upgraded);
      let got = '';
      socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
        got += chunk.toString();
      });
      socket.on('end', () => socket.end(frame(1, `read ${got}`)));
    };
    const streams = await engine.startExec(id, { tty: false });
    streams.stdin.write('hel');
    streams.stdin.end('lo');
    streams.stderr.resume();
    expect(await text(streams.stdout)).toBe('read hello');
    await streams.closed;
  });

  it('are raw with a terminal', async () => {
    fake.script = (socket) => socket.end(`${upgraded}\u0001\u0000raw`);
    const streams = await engine.startExec(id, { tty: true });
    expect(await text(streams.stdout)).toBe('\u0001\u0000raw');
    expect(await text(streams.stderr)).toBe('');
  });

  it('work one way over an engine that does not upgrade', async () => {
    fake.script = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n');
      socket.end(frame(1, 'x'.repeat(200_000)));
    };
    const { stdout } = await outputs();
    expect(stdout).toHaveLength(200_000);
  });

  it.each([
    [404, 'ENGINE_NOT_FOUND'],
    [409, 'ENGINE_CONFLICT'],
    [500, 'ENGINE_FAILED'],
  ])('a refusal with %i keeps its code and words', async (status, code) => {
    fake.script = (socket) => socket.write(json(status, { message: 'the reason' }));
    const failure = engine.startExec(id, { tty: false });
    await expect(failure).rejects.toMatchObject({ code, info: { status } });
    await expect(failure).rejects.toThrow('the reason');
  });

  it.each([
    ['closes without a word', '', 'ENGINE_UNAVAILABLE'],
    ['answers garbage', 'garbage garbage\r\n\r\n', 'ENGINE_PROTOCOL'],
  ])('an engine that %s is an error', async (_what, bytes, code) => {
    fake.script = (socket) => socket.end(bytes);
    await expect(engine.startExec(id, { tty: false })).rejects.toMatchObject({ code });
  });

  it('an engine that hangs before the upgrade is left when the signal fires', async () => {
    fake.script = () => undefined;
    await expect(engine.startExec(id, { tty: false }, AbortSignal.timeout(50))).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
  });

  it.each([
    ['a frame cut off', frame(1, 'abc').subarray(0, 9)],
    ['half a header', Buffer.from([1, 0, 0])],
    ['a frame of 4 GiB', Buffer.from([1, 0, 0, 0, 255, 255, 255, 255])],
    ['an unknown stream', frame(9, 'x')],
  ])('%s fails the exec, and what came before it is kept', async (_what, bytes) => {
    fake.script = (socket) => socket.end(Buffer.concat([Buffer.from(upgraded), frame(1, 'before'), bytes]));
    const streams = await engine.startExec(id, { tty: false });
    streams.stderr.resume();
    expect(await text(streams.stdout)).toMatch(/^before/);
    await expect(streams.closed).rejects.toMatchObject({ code: 'ENGINE_PROTOCOL' });
  });

  it('a reader that does not read stops the engine, in bounded memory', async () => {
    let sent = 0;
    fake.script = (socket) => {
      socket.write(upgraded);
      const chunk = frame(1, Buffer.alloc(32_768));
      const pour = (): void => {
        while (sent < 64 * 1024 * 1024) {
          sent += chunk.length;
          if (!socket.write(chunk)) {
            socket.once('drain', pour);
            return;
          }
        }
        socket.end();
      };
      pour();
    };
    const streams = await engine.startExec(id, { tty: false });
    streams.stderr.resume();
    await sleep(300);
    const held = sent;
    expect(held).toBeLessThan(4 * 1024 * 1024);
    await sleep(100);
    expect(sent).toBe(held);
    let total = 0;
    for await (const chunk of streams.stdout as AsyncIterable<Buffer>) total += chunk.length;
    expect(total).toBe((sent / 32_776) * 32_768);
    await streams.closed;
  });

  it('a stream that its reader has destroyed does not hold up the other', async () => {
    fake.script = (socket) => {
      socket.write(upgraded);
      socket.end(Buffer.concat([frame(2, Buffer.alloc(400_000)), frame(1, 'end')]));
    };
    const streams = await engine.startExec(id, { tty: false });
    streams.stderr.destroy();
    expect(await text(streams.stdout)).toBe('end');
    await streams.closed;
  });

  // The first part fills the stream, so that the connection is not read; the second waits in the socket's own buffer if
  // it is small, else in the kernel, when the engine closes and the reset comes.
  it.each([
    [5_000, 'nothing more to write', 0],
    [5_000, 'nothing more to write', 250],
    [170_000, 'more to write', 0],
    [170_000, 'more to write', 250],
  ])('a last %i bytes come when the engine closes with stdin unread and %s, read after %i ms', async (...row) => {
    const [size, pending, delayMs] = row;
    fake.script = (socket) => {
      socket.removeAllListeners('data').pause();
      socket.write(Buffer.concat([Buffer.from(upgraded), frame(1, Buffer.alloc(70_000))]));
      setTimeout(() => socket.write(frame(1, Buffer.alloc(size))), 50);
      setTimeout(() => socket.destroy(), 120);
    };
    const streams = await engine.startExec(id, { tty: false });
    streams.stderr.resume();
    const pour = (): boolean => streams.stdin.write(Buffer.alloc(65_536));
    if (pending === 'more to write') streams.stdin.on('drain', pour);
    pour();
    await sleep(delayMs);
    expect((await text(streams.stdout)).length).toBe(70_000 + size);
    await streams.closed;
    expect(streams.stdin.destroyed).toBe(true);
  });

  it('dropping them closes the connection and is told to whoever waits', async () => {
    let isGone = false;
    fake.script = (socket) => {
      socket.write(upgraded);
      socket.on('end', () => {
        isGone = true;
      });
    };
    const streams = await engine.startExec(id, { tty: false });
    await streams[Symbol.asyncDispose]();
    await expect(streams.closed).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect.poll(() => isGone).toBe(true);
  });
});
