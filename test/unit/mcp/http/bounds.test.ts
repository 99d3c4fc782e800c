import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/kit/deferred.js';
import type { HttpBounds } from '../../../../src/mcp/http/bounds.js';
import type { Opening } from '../../../../src/mcp/http/endpoint.js';
import { HttpStage, keyOf } from './support/stage.js';

let stage: HttpStage | undefined;
let folder: string | undefined;
let sockets: Socket[] = [];
const forever = new Promise(() => undefined);

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await stage?.[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true });
  expect(stage?.errors).toEqual([]);
  [stage, folder, sockets] = [undefined, undefined, []];
});

/** Every other bound is far away, so that only the one that is meant can end anything within the time a test has. */
async function started(bounds: Partial<HttpBounds>, opening?: Opening): Promise<HttpStage> {
  stage = await new HttpStage(bounds).start(opening);
  return stage;
}

function opened(where: { readonly path: string } | { readonly port: number; readonly host: string }): Socket {
  const socket = connect(where);
  sockets.push(socket);
  return socket;
}

const at = ({ url }: HttpStage) => ({ port: Number(url.port), host: '127.0.0.1' });

async function sessionOf(
  http: HttpStage,
  on: Pick<RequestOptions, 'socketPath' | 'path'> = {},
): Promise<Record<string, string>> {
  // Again where a busy machine made one of the bounds hold for this, too.
  const begin = () => http.send({ ...on, headers: { host: 'localhost' } });
  const { headers } = await vi.waitUntil(() => begin().catch(() => undefined), { timeout: 15_000 });
  return { 'mcp-session-id': String(headers['mcp-session-id']), 'mcp-protocol-version': '2025-06-18' };
}

const call = (words: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'whoami', arguments: { words } } });

describe('the HTTP server hangs up', () => {
  it('on a stream without a byte, and on a call without one', async () => {
    const http = await started({ idleMs: 200 });
    const headers = await sessionOf(http);
    await expect(http.send({ method: 'GET', headers })).rejects.toMatchObject({ code: 'ECONNRESET' });
    http.work = () => forever;
    await expect(http.send({ body: call('x'), headers })).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('on a call that takes longer than any does', async () => {
    const http = await started({ answerMs: 200 });
    const headers = await sessionOf(http);
    http.work = () => forever;
    await expect(http.send({ body: call('x'), headers })).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('on a stream that was open for long enough', async () => {
    const http = await started({ streamMs: 200 });
    const headers = await sessionOf(http);
    await expect(http.send({ method: 'GET', headers })).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it.each([{ idleMs: 500 }, { answerMs: 500 }])(
    'on who does not read the answer, whose place is free again (%j)',
    async (bounds) => {
      folder = await mkdtemp(join(tmpdir(), 'pdk-http-'));
      // What lies in a Unix socket unread is little, so that the rest of the answer waits in the server.
      const path = join(folder, 's');
      const http = await started({ ...bounds, requests: 1 }, { kind: 'unix', path });
      const on = { socketPath: path, path: '/mcp' };
      const session = await sessionOf(http, on);
      const begun = deferred<undefined>();
      http.work = () => {
        begun.resolve(undefined);
        return Promise.resolve();
      };
      const words = 'x'.repeat(2 ** 21);
      const deaf = opened({ path }).pause();
      deaf.write(post(call(words), session));
      await begun.promise;
      const ping = JSON.stringify({ jsonrpc: '2.0', id: 3, method: 'ping' });
      const asked = { ...on, headers: { ...session, host: 'localhost' }, body: ping };
      await expect.poll(() => http.send(asked)).toMatchObject({ status: 200 });
      const rest = await text(deaf).catch(() => '');
      expect(rest.length).toBeLessThan(words.length);
    },
  );
});

function post(body: string, headers: Readonly<Record<string, string>>): string {
  const all = {
    host: 'localhost',
    authorization: `Bearer ${keyOf.ada}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'content-length': String(body.length),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

describe('the HTTP server takes', () => {
  it('so many connections and no more, until one of them ends', async () => {
    const http = await started({ connections: 2 });
    const [first, second] = [opened(at(http)), opened(at(http))];
    await Promise.all([once(first, 'connect'), once(second, 'connect')]);
    // Taken in turn: what comes now is the third.
    await expect(http.send()).rejects.toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) as string });
    first.destroy();
    await expect.poll(() => http.send().catch(() => undefined)).toMatchObject({ status: 200 });
  });

  it('so many headers and no more, so that none stands where it is not looked at', async () => {
    // Node collects 31 at a time, and leaves out what comes when it has enough.
    const http = await started({ headers: 62 });
    const taken = Object.fromEntries(many(62 - usualCount));
    expect(await http.send({ headers: taken })).toMatchObject({ status: 200 });
    const behind = { ...taken, origin: 'https://evil.example.net' };
    expect(await http.send({ headers: behind })).toMatchObject({ status: 431, headers: { connection: 'close' } });
    const most = Object.fromEntries([['host', 'localhost'], ...many(300)]);
    expect(await http.send({ headers: { ...most, origin: 'https://evil.example.net' } })).toMatchObject({
      status: 431,
    });
    // So many as the last had Node 24 refuses by itself.
    expect(http.refused[0]).toBe('headers -');
    expect(new Set(http.refused).size).toBe(1);
  });
});

/** What a request of the stage has anyway: three of its own, and host, connection and the length of the body of node's. */
const usualCount = 6;
const many = (count: number) => Array.from({ length: count }, (_, index) => [`x-${index}`, '1'] as const);
