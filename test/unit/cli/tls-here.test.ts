import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../scripts/lab/self-signed.js';
import { doubtsOf, readTls } from '../../../src/cli/tls-here.js';

let folder: string;
let own: ReturnType<typeof selfSigned>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pdk-tls-here-'));
  own = selfSigned(folder, 'mcp.example.org');
  chmodSync(own.keyFile, 0o600);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(values: Readonly<Record<string, string>>) {
  const terminal = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const context = { values, positionals: [], rest: [], json: false, env: {}, signal: new AbortController().signal };
  return readTls({ ...context, terminal: { ...terminal, stderrIsTerminal: false, screen: undefined } });
}

function keyFile(name: string, pem: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, pem, { mode });
  return path;
}

const privatePem = (key: { export(options: { format: 'pem'; type: 'pkcs8' }): string | Buffer }) =>
  key.export({ format: 'pem', type: 'pkcs8' }).toString();

describe('the certificate of a server', () => {
  it('is taken with its own key, and not asked for where there is none', async () => {
    const tls = await read({ 'tls-cert': own.certFile, 'tls-key': own.keyFile });
    expect([String(tls?.cert), String(tls?.key)]).toEqual([own.cert, own.key]);
    expect(await read({})).toBeUndefined();
  });

  it('is refused with a key that is not its own, of its kind or of another, before anybody connects', async () => {
    const keys = [
      keyFile('rsa.pem', privatePem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)),
      keyFile('ec.pem', privatePem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)),
      keyFile('ed.pem', privatePem(generateKeyPairSync('ed25519').privateKey)),
    ];
    for (const key of keys) {
      const message = `${key} is not the key of the first certificate in ${own.certFile}`;
      await expect(read({ 'tls-cert': own.certFile, 'tls-key': key })).rejects.toMatchObject({
        code: 'BAD_CONFIG',
        message,
      });
    }
  });

  it('is refused without a key, or with one that others can read', async () => {
    await expect(read({ 'tls-cert': own.certFile })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    const loose = keyFile('loose.pem', own.key, 0o644);
    const asked = { 'tls-cert': own.certFile, 'tls-key': loose };
    await expect(read(asked)).rejects.toMatchObject({ code: 'BAD_CONFIG', message: expect.stringContaining('600') });
  });

  it('is doubted when it is over, not yet good, or for another name', () => {
    const tls = { cert: Buffer.from(own.cert), key: Buffer.from(own.key) };
    const [now, dayMs] = [Date.now() + 60_000, 86_400_000];
    expect(doubtsOf(tls, ['mcp.example.org'], now)).toEqual([]);
    expect(doubtsOf(tls, [], now + 3 * dayMs)).toEqual([expect.stringMatching(/^the certificate was good until /)]);
    expect(doubtsOf(tls, [], now - dayMs)).toEqual([expect.stringMatching(/^the certificate is good only from /)]);
    expect(doubtsOf(tls, ['a.example', 'mcp.example.org', '127.0.0.1'], now)).toEqual([
      'the certificate is not for a.example',
      'the certificate is not for 127.0.0.1',
    ]);
  });
});
