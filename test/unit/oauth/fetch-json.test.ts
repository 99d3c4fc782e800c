import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../scripts/lab/self-signed.js';
import { fetchJson, IssuerUnavailable } from '../../../src/oauth/fetch-json.js';
import { discoveredKeys, keysAt } from '../../../src/oauth/key-set.js';

let folder: string;
let own: ReturnType<typeof selfSigned>;
let server: Server;
let asked: string[];
let answer: RequestListener;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pdk-issuer-'));
  own = selfSigned(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  asked = [];
  server = createServer({ key: own.key, cert: own.cert }, (request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
});

const at = (path: string) => `https://localhost:${(server.address() as AddressInfo).port}${path}`;
const key = { kty: 'EC', kid: 'one', crv: 'P-256', x: 'x', y: 'y' };

/** Answers by path; everything else is not there. */
function sends(documents: Readonly<Record<string, unknown>>): void {
  answer = ({ url = '' }, response) => {
    if (!Object.hasOwn(documents, url)) response.writeHead(404).end('{}');
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(documents[url]));
  };
}

describe('what is read from an issuer', () => {
  it('is its JSON', async () => {
    sends({ '/keys?v=1': { keys: [key] } });
    expect(await fetchJson([own.cert])(at('/keys?v=1'))).toEqual({ keys: [key] });
  });

  it('is nothing that anybody else could have sent', async () => {
    sends({ '/keys': { keys: [key] } });
    await expect(fetchJson(undefined)(at('/keys'))).rejects.toThrow(IssuerUnavailable);
    const { port } = server.address() as AddressInfo;
    await expect(fetchJson([own.cert])(`https://127.0.0.1:${port}/keys`)).rejects.toThrow(IssuerUnavailable);
    await expect(fetchJson([own.cert])(at('/keys').replace('https', 'http'))).rejects.toThrow(/without TLS/);
    expect(asked).toEqual([]);
  });

  it('is not what it redirects to', async () => {
    answer = ({ url }, response) => {
      if (url === '/keys') response.writeHead(302, { location: '/elsewhere' }).end();
      else response.end(JSON.stringify({ keys: [key] }));
    };
    await expect(fetchJson([own.cert])(at('/keys'))).rejects.toThrow(/status 302/);
    expect(asked).toEqual(['/keys']);
  });

  it.each([204, 401, 404, 500])('is nothing with status %i', async (status) => {
    answer = (_, response) => response.writeHead(status).end(status === 204 ? undefined : '{"keys":[]}');
    await expect(fetchJson([own.cert])(at('/keys'))).rejects.toThrow(IssuerUnavailable);
  });

  it.each(['', '<html>', '{"keys":['])('is not %j', async (text) => {
    answer = (_, response) => response.end(text);
    await expect(fetchJson([own.cert])(at('/keys'))).rejects.toThrow(/no JSON/);
  });

  it.each([{}, { 'content-length': '99999999' }])('ends when it is too much: %j', async (headers) => {
    let isOver = false;
    answer = (_, response) => {
      const more = () => {
        while (!isOver && response.write(`"${'x'.repeat(65_536)}",`));
      };
      response.on('drain', more).on('close', () => {
        isOver = true;
      });
      response.writeHead(200, headers).write('[');
      more();
    };
    await expect(fetchJson([own.cert], 60_000)(at('/keys'))).rejects.toThrow(/UND_ERR_RES_EXCEEDED_MAX_SIZE/);
    await expect.poll(() => isOver, { timeout: 20_000 }).toBe(true);
  });

  it('is waited for so long and no longer: for a head, and for a body that drips', async () => {
    answer = () => undefined;
    await expect(fetchJson([own.cert], 300)(at('/keys'))).rejects.toThrow(IssuerUnavailable);
    const timers: NodeJS.Timeout[] = [];
    answer = (_, response) => {
      response.write('[');
      timers.push(setInterval(() => response.write('1,'), 20));
    };
    await expect(fetchJson([own.cert], 300)(at('/keys'))).rejects.toThrow(IssuerUnavailable);
    for (const timer of timers) clearInterval(timer);
  });
});

describe('keys that the issuer’s metadata names', () => {
  const issuer = () => at('/team');
  const found = (path: string, more: Record<string, unknown> = {}) =>
    sends({ [path]: { issuer: issuer(), jwks_uri: at('/keys'), ...more }, '/keys': { keys: [key] } });
  const load = () => discoveredKeys(issuer(), fetchJson([own.cert]))();

  it.each([
    '/.well-known/oauth-authorization-server/team',
    '/.well-known/openid-configuration/team',
    '/team/.well-known/openid-configuration',
  ])('are found by %s', async (path) => {
    found(path);
    expect((await load()).keys).toEqual([key]);
  });

  it.each(['https://evil.example.net', '', undefined])('are not those of metadata for %s', async (other) => {
    found('/.well-known/oauth-authorization-server/team', { issuer: other });
    await expect(load()).rejects.toThrow(IssuerUnavailable);
    expect(asked).not.toContain('/keys');
  });

  it.each(['http://localhost/keys', 'file:///etc/passwd', 'keys', undefined])('are not read from %s', async (uri) => {
    found('/.well-known/oauth-authorization-server/team', { jwks_uri: uri });
    await expect(load()).rejects.toThrow(IssuerUnavailable);
  });

  it('are nobody’s when there is none', async () => {
    sends({});
    await expect(load()).rejects.toThrow(/404/);
    await expect(keysAt(at('/keys'), fetchJson([own.cert]))()).rejects.toThrow(IssuerUnavailable);
  });
});
