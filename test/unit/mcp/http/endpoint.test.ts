import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkExposure, parseEndpoint } from '../../../../src/mcp/http/endpoint.js';
import { HttpStage } from './support/stage.js';

const plain = { hasTls: false, isBehindProxy: false, hosts: [] };

describe('where the HTTP server listens', () => {
  it.each([
    ['127.0.0.1:8484', { kind: 'tcp', address: '127.0.0.1', port: 8484, isLoopback: true }],
    ['localhost:0', { kind: 'tcp', address: '127.0.0.1', port: 0, isLoopback: true }],
    ['[::1]:1', { kind: 'tcp', address: '::1', port: 1, isLoopback: true }],
    ['0.0.0.0:80', { kind: 'tcp', address: '0.0.0.0', port: 80, isLoopback: false }],
    ['[::]:80', { kind: 'tcp', address: '::', port: 80, isLoopback: false }],
    ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
  ])('%s is understood', (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
  });

  it.each([
    '8484',
    ':8484',
    '*:8484',
    'example.org:80',
    '127.0.0.1:70000',
    '127.1:80',
    'unix:x',
    `unix:/${'x'.repeat(107)}`,
  ])('%s is refused', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  it.each(['0.0.0.0:80', '[::]:80', '[::ffff:127.0.0.1]:80', '169.254.1.1:80'])(
    '%s is not listened at in the clear',
    (text) => {
      const endpoint = parseEndpoint(text);
      const hosts = ['mcp.example.org'];
      expect(() => checkExposure(endpoint, { ...plain, hosts })).toThrow(/in the clear/);
      expect(() => checkExposure(endpoint, { ...plain, hasTls: true })).toThrow(/--host-name/);
      checkExposure(endpoint, { ...plain, hosts, hasTls: true });
      checkExposure(endpoint, { ...plain, hosts, isBehindProxy: true });
    },
  );

  it('needs none of it on this host alone', () => {
    checkExposure(parseEndpoint('127.0.0.1:0'), plain);
    checkExposure(parseEndpoint('unix:/run/x.sock'), plain);
    expect(() => checkExposure(parseEndpoint('unix:/run/x.sock'), { ...plain, hasTls: true })).toThrow(/TLS/);
  });
});

describe('a socket that the HTTP server listens on', () => {
  it('is its user’s alone, asks for a key all the same, and takes the place of one that a killed server left', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pdk-http-'));
    const path = join(folder, 's');
    try {
      await using first = await new HttpStage().start({ kind: 'unix', path });
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      const status = await new Promise((resolve, reject) => {
        const sent = request({ socketPath: path, path: '/mcp', method: 'POST', headers: { host: 'localhost' } });
        sent.on('response', (answer) => resolve(answer.resume().statusCode));
        sent.on('error', reject).end();
      });
      expect(status).toBe(401);
      expect(first.refused).toEqual(['no-key -']);
      // Somebody listens.
      const second = new HttpStage();
      await expect(second.start({ kind: 'unix', path })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is in no folder that others can write to', async () => {
    await expect(new HttpStage().start({ kind: 'unix', path: join(tmpdir(), 'pdk-x.sock') })).rejects.toMatchObject({
      code: 'BAD_CONFIG',
    });
  });
});
