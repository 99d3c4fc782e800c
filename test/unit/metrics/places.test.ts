import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { readMetricsAddress } from '../../../src/metrics/address.js';
import type { Shown } from '../../../src/metrics/handler.js';
import { listenForMetrics } from '../../../src/metrics/listener.js';
import { textFilePath, writeTextFile } from '../../../src/metrics/text-file.js';
import { codeOf } from '../../support/code-of.js';

const shown: Shown = { contentType: 'text/plain; version=0.0.4', text: () => Promise.resolve('a 1\n') };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-metrics-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask(at: string, { method = 'GET', path = '/metrics', headers = {} }: Asked = {}) {
  const to = at.startsWith('unix:')
    ? { socketPath: at.slice('unix:'.length) }
    : { host: new URL(at).hostname.replace(/[[\]]/g, ''), port: new URL(at).port };
  return new Promise<{ status: number; text: string; type: string | undefined }>((resolve, reject) => {
    const asking = request({ ...to, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, text, type: answer.headers['content-type'] });
      });
    });
    asking.on('error', reject);
    asking.end();
  });
}

describe('where metrics are served', () => {
  it.each([
    ['unix:/run/user/1000/m.sock', { path: '/run/user/1000/m.sock' }],
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
    ['127.9.9.9:0', { host: '127.9.9.9', port: 0 }],
    ['[::1]:9464', { host: '::1', port: 9464 }],
  ])('is read from %s', (text, address) => {
    expect(readMetricsAddress(text)).toEqual(address);
  });

  it.each([
    ...['0.0.0.0:9464', '[::]:9464', '192.168.0.1:9464', 'localhost:9464', ':9464', '9464', '127.1:9464'],
    ...['127.0.0.1:70000', '127.0.0.1', '[::ffff:127.0.0.1]:1', 'unix:m.sock', 'unix:', 'http://127.0.0.1:1', ''],
  ])('is not %j, where others could come or lead', (text) => {
    expect(() => readMetricsAddress(text)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  it('answers GET /metrics on the loopback, and nothing else', async () => {
    await using listener = await listenForMetrics({ host: '127.0.0.1', port: 0 }, shown);
    const { address } = listener;
    expect(await ask(address)).toEqual({ status: 200, text: 'a 1\n', type: shown.contentType });
    const statuses = [{ path: '/' }, { path: '/metrics?x=1' }, { method: 'POST' }, { method: 'HEAD' }].map(
      async (asked) => (await ask(address, asked)).status,
    );
    expect(await Promise.all(statuses)).toEqual([404, 404, 405, 405]);
  });

  it('answers no page that has led a name of its own to the loopback', async () => {
    await using listener = await listenForMetrics({ host: '127.0.0.1', port: 0 }, shown);
    const status = async (headers: Readonly<Record<string, string>>) =>
      (await ask(listener.address, { headers })).status;
    expect(await status({ host: 'evil.example' })).toBe(421);
    expect(await status({ host: 'localhost.evil.example:80' })).toBe(421);
    expect(await status({ host: '127.0.0.1', origin: 'http://evil.example' })).toBe(421);
    expect(await status({ host: 'localhost:1234' })).toBe(200);
  });

  it('says that it could not read them, and nothing of why', async () => {
    const failing = { ...shown, text: () => Promise.reject(new Error('a secret')) };
    await using listener = await listenForMetrics({ path: join(folder, 'm.sock') }, failing);
    const { status, text } = await ask(listener.address);
    expect([status, text.includes('secret')]).toEqual([500, false]);
  });

  it('ends a connection with a head that is too large', async () => {
    await using listener = await listenForMetrics({ path: join(folder, 'm.sock') }, shown);
    const socket = connect(join(folder, 'm.sock'));
    socket.on('error', () => undefined);
    socket.write(`GET /metrics HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(64 * 1024)}\r\n\r\n`);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(Buffer.concat(chunks).toString()).not.toContain('a 1');
    expect((await ask(listener.address)).status).toBe(200);
  });

  it('is a socket of its owner alone, gone when it is over', async () => {
    const path = join(folder, 'm.sock');
    {
      await using listener = await listenForMetrics({ path }, shown);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await ask(listener.address)).text).toBe('a 1\n');
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes the place of a socket that nobody answers at, and of nothing else', async () => {
    const path = join(folder, 'm.sock');
    await using first = await listenForMetrics({ path }, shown);
    expect(await codeOf(listenForMetrics({ path }, shown))).toBe('BAD_ARGUMENT');
    expect((await ask(first.address)).status).toBe(200);
    const file = join(folder, 'file');
    await writeFile(file, 'mine');
    expect(await codeOf(listenForMetrics({ path: file }, shown))).toBe('BAD_ARGUMENT');
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect(await codeOf(listenForMetrics({ path: join(folder, 'none', 'm.sock') }, shown))).toBe('BAD_ARGUMENT');
    const left = join(folder, 'left.sock');
    await leaveSocket(left);
    await using second = await listenForMetrics({ path: left }, shown);
    expect((await ask(second.address)).status).toBe(200);
  });
});

/** A socket's name, as a process that was killed leaves it. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.new`, resolve));
  await rename(`${path}.new`, path);
  await new Promise((resolve) => server.close(resolve));
}

class Counting implements Shown {
  readonly contentType = shown.contentType;
  turns = 0;
  text(): Promise<string> {
    this.turns += 1;
    return Promise.resolve(`a ${this.turns}\n`);
  }
}

describe('the file for node_exporter', () => {
  it('has to be a .prom file by its whole path, with the process in it where that is asked for', () => {
    expect(textFilePath('/var/lib/x/paddock-%p.prom', 42)).toBe('/var/lib/x/paddock-42.prom');
    for (const bad of ['x.prom', '/x.txt', '/x']) expect(() => textFilePath(bad, 1)).toThrow(/can't be written/);
  });

  it('is written anew every so often, whole, readable by all, and gone in the end', async () => {
    const path = join(folder, 'p.prom');
    const counting = new Counting();
    const failures: unknown[] = [];
    const onFailure = (error: unknown) => void failures.push(error);
    {
      await using writing = writeTextFile({ path, everyMs: 5, shown: counting, clock: systemClock, onFailure });
      expect(writing).toBeDefined();
      await expect
        .poll(async () => readFile(path, 'utf8').catch(() => ''), { timeout: 20_000 })
        .toMatch(/^a [3-9]\n$|^a \d\d+\n$/);
      expect((await stat(path)).mode & 0o777).toBe(0o644);
    }
    expect([await readdir(folder), failures]).toEqual([[], []]);
  });

  it('that can’t be written is told once, and written when it can be', async () => {
    const inside = join(folder, 'later');
    const failures: unknown[] = [];
    const onFailure = (error: unknown) => void failures.push(error);
    const counting = new Counting();
    const path = join(inside, 'p.prom');
    await using writing = writeTextFile({ path, everyMs: 5, shown: counting, clock: systemClock, onFailure });
    expect(writing).toBeDefined();
    await expect.poll(() => counting.turns, { timeout: 20_000 }).toBeGreaterThan(3);
    expect(failures.length).toBe(1);
    await mkdir(inside);
    await expect.poll(async () => readFile(path, 'utf8').catch(() => ''), { timeout: 20_000 }).toMatch(/^a /);
    expect(failures.length).toBe(1);
  });
});
