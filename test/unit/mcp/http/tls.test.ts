import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { type AddressInfo, connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, fetch } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../../scripts/lab/self-signed.js';
import { usualBounds } from '../../../../src/mcp/http/bounds.js';
import { listen } from '../../../../src/mcp/http/listen.js';
import { HttpStage, keyOf, loopback } from './support/stage.js';

let folder: string;
let own: ReturnType<typeof selfSigned>;
let stage: HttpStage;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pdk-tls-'));
  own = selfSigned(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  stage = await new HttpStage({ headersMs: 400 }).start(loopback, pair());
});

afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.errors).toEqual([]);
});

const pair = () => ({ cert: Buffer.from(own.cert), key: Buffer.from(own.key) });

function handshake(options: ConnectionOptions, port = Number(stage.url.port)): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: own.cert, ...options });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** What comes back on a plain connection until it is hung up. */
function plain(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectPlain(Number(stage.url.port), '127.0.0.1', () => socket.write(text));
    let got = '';
    socket.on('data', (piece) => {
      got += piece.toString('latin1');
    });
    // Hung up on in one way or the other.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(got));
  });
}

describe('a server with a certificate', () => {
  it('says https, and answers an MCP client that knows the certificate', async () => {
    expect(stage.url.protocol).toBe('https:');
    const agent = new Agent({ connect: { ca: own.cert } });
    const knowing: unknown = (at: URL, init: object) => fetch(at, { ...init, dispatcher: agent });
    const url = new URL(stage.url);
    url.hostname = 'localhost';
    const transport = new StreamableHTTPClientTransport(url, {
      requestInit: { headers: { authorization: `Bearer ${keyOf.ada}` } },
      fetch: knowing as typeof globalThis.fetch,
    });
    const client = new Client({ name: 'test', version: '0' });
    await client.connect(transport);
    const { structuredContent } = await client.callTool({ name: 'whoami', arguments: {} });
    expect(structuredContent).toMatchObject({ caller: 'ada' });
    await client.close();
    await agent.close();
  });

  it('is not believed by a client that does not know it', async () => {
    const failure = new Promise((resolve) => get(stage.url).once('error', resolve));
    expect(await failure).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const socket = await handshake({ minVersion: version, maxVersion: version });
    expect([socket.authorized, socket.getProtocol()]).toEqual([true, version]);
    socket.destroy();
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('does not speak %s, with clients that do', async (version) => {
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const lax = createServer({ ...pair(), minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }, (socket) =>
      socket.end(),
    );
    await new Promise<void>((resolve) => lax.listen(0, '127.0.0.1', resolve));
    const spoken = await handshake(old, (lax.address() as AddressInfo).port);
    expect(spoken.getProtocol()).toBe(version);
    spoken.destroy();
    await new Promise((resolve) => lax.close(resolve));
    await expect(handshake(old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });

  it('answers nothing in the clear', async () => {
    const request = `POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${keyOf.ada}\r\ncontent-length: 0\r\n\r\n`;
    expect(await plain(request)).not.toMatch(/HTTP\/1/);
    expect(stage.refused).toEqual([]);
  });

  it('hangs up on who begins no handshake, and on who does not get to its end', async () => {
    expect(await plain('')).toBe('');
    const recordOf16Bytes = '\x16\x03\x01\x00\x10\x01\x00';
    expect(await plain(recordOf16Bytes)).toBe('');
  });

  it('looks at names and keys as without one', async () => {
    const socket = await handshake({});
    const answer = new Promise<string>((resolve) => {
      let got = '';
      socket.on('data', (piece: Buffer) => {
        got += piece.toString();
      });
      socket.on('close', () => resolve(got));
    });
    socket.write('GET /mcp HTTP/1.1\r\nhost: evil.example.net\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1.1 403 /);
  });
});

describe('a certificate that does not do', () => {
  it.each<[string, () => { cert: Buffer; key: Buffer }]>([
    ['is none', () => ({ ...pair(), cert: Buffer.from('nonsense') })],
    ['has no key', () => ({ ...pair(), key: Buffer.alloc(0) })],
    ['is of another key', () => ({ ...pair(), key: Buffer.from(selfSigned(mkdtempSync(join(folder, 'other-'))).key) })],
  ])('is said to when it %s', async (_, tls) => {
    await expect(listen(loopback, tls(), usualBounds, () => () => undefined)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
    });
  });
});
