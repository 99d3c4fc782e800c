import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpStage, initialize, keyOf } from './support/stage.js';

let stage: HttpStage;

beforeEach(async () => {
  stage = await new HttpStage({
    message: { bytes: 4096, items: 100, nameBytes: 500 },
    allBodiesBytes: 6000,
    bodiesBytes: 5000,
    headersMs: 300,
    requestMs: 600,
  }).start();
});

afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.errors).toEqual([]);
});

/** What comes back on a connection of its own until it is hung up. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(stage.url.port), '127.0.0.1');
    let got = '';
    socket.on('data', (piece) => {
      got += piece.toString();
    });
    socket.on('close', () => resolve(got));
    socket.on('error', reject);
    socket.write(text);
  });
}

describe('the HTTP server', () => {
  it('begins an MCP session for who has a key', async () => {
    const reply = await stage.send();
    expect(reply).toMatchObject({ status: 200 });
    expect(reply.headers['mcp-session-id']).toMatch(/^[a-z2-7]{52}$/);
    expect(stage.refused).toEqual([]);
  });

  it.each([
    ['evil.example.net', 403],
    ['evil.example.net:80', 403],
    ['localhost.evil.example.net', 403],
    ['127.0.0.1.evil.example.net', 403],
    ['localhost', 200],
    ['LOCALHOST:1', 200],
    ['[::1]:8080', 200],
    ['mcp.example.org', 200],
  ])('answers a request for the host %j with %i, so that no page leads its own name here', async (host, status) => {
    expect(await stage.send({ headers: { host } })).toMatchObject({ status });
    expect(stage.refused).toEqual(status === 200 ? [] : ['host -']);
  });

  it('answers nobody who names no host, or two', async () => {
    const [none, two] = ['', 'host: localhost\r\nhost: evil.example.net\r\n'];
    for (const hosts of [none, two]) {
      const head = `GET /mcp HTTP/1.1\r\n${hosts}connection: close\r\n\r\n`;
      expect(await raw(head)).toMatch(/^HTTP\/1.1 40[01]/);
    }
  });

  it.each([
    ['https://evil.example.net', 403],
    ['null', 403],
    ['http://localhost:1', 403],
    ['file://', 403],
    ['https://app.example.org', 200],
  ])('answers a page of the origin %s with %i', async (origin, status) => {
    expect(await stage.send({ headers: { origin } })).toMatchObject({ status });
  });

  it('takes its own origin, and answers no preflight', async () => {
    expect(await stage.send({ headers: { origin: stage.url.origin } })).toMatchObject({ status: 200 });
    const preflight = await stage.send({ method: 'OPTIONS', headers: { origin: stage.url.origin } });
    expect(preflight).toMatchObject({ status: 405, headers: { allow: 'GET, POST, DELETE' } });
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([`/mcp?key=${keyOf.ada}`, '/mcp?', `/mcp?access_token=${keyOf.ada}`])(
    'takes no key from a URL: %s',
    async (path) => {
      const { status, text } = await stage.send({ path, headers: { authorization: undefined } });
      expect(status).toBe(400);
      expect(text).toMatch(/rotate it/);
      expect(stage.refused).toEqual(['query -']);
      expect(await stage.send({ path })).toMatchObject({ status: 400 });
    },
  );

  it.each([
    [undefined, 'Bearer realm="paddock"'],
    ['', 'Bearer realm="paddock"'],
    [`Basic ${keyOf.ada}`, 'Bearer realm="paddock"'],
    [keyOf.ada, 'Bearer realm="paddock"'],
    [`Bearer ${keyOf.ada} ${keyOf.ada}`, 'Bearer realm="paddock"'],
    [`Bearer ${keyOf.ada}x`, 'Bearer realm="paddock", error="invalid_token"'],
    ['Bearer ada', 'Bearer realm="paddock", error="invalid_token"'],
  ])('asks for a key where it gets %j', async (authorization, challenge) => {
    const { status, headers } = await stage.send({ headers: { authorization } });
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe(challenge);
  });

  it('asks for a key before anything else of a request is looked at, whichever method', async () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const headers = { authorization: undefined, 'mcp-session-id': 'x', 'content-type': 'text/plain' };
      expect(await stage.send({ method, headers, body: 'x'.repeat(3000) })).toMatchObject({ status: 401 });
    }
  });

  it.each([
    ['/', 404],
    ['/mcp/', 404],
    ['/mcp/../mcp', 404],
    ['//mcp', 404],
    ['/metrics', 404],
    ['http://localhost/mcp', 404],
  ])('has nothing at %s', async (path, status) => {
    expect(await stage.send({ path })).toMatchObject({ status });
  });

  it.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/json-patch+json', 415],
    ['application/json; charset=utf-8', 200],
  ])('answers content of type %s with %i', async (type, status) => {
    expect(await stage.send({ headers: { 'content-type': type } })).toMatchObject({ status });
  });

  it('unpacks nothing', async () => {
    expect(await stage.send({ headers: { 'content-encoding': 'gzip' } })).toMatchObject({ status: 415 });
  });

  it('reads no more of a message than it may have, whether its length was said or not', async () => {
    const body = JSON.stringify({ ...initialize, padding: 'x'.repeat(5000) });
    const [said, unsaid] = [{ 'content-length': String(body.length) }, { 'transfer-encoding': 'chunked' }];
    expect(await stage.send({ body, headers: said })).toMatchObject({ status: 413, headers: { connection: 'close' } });
    expect(await stage.send({ body, headers: unsaid })).toMatchObject({ status: 413 });
  });

  it('parses no message of more items than any call has, however few bytes they are', async () => {
    const arguments_ = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [index.toString(36), 0]));
    const body = JSON.stringify({
      ...initialize,
      method: 'tools/call',
      params: { name: 'whoami', arguments: arguments_ },
    });
    const [said, unsaid] = [{}, { 'transfer-encoding': 'chunked' }];
    for (const headers of [said, unsaid]) {
      const reply = await stage.send({ body, headers });
      expect(reply).toMatchObject({ status: 413, headers: { connection: 'close' } });
      expect(reply.text).toMatch(/at most 100 lists, objects and items/);
    }
    expect(stage.refused).toEqual(['too-large ada', 'too-large ada']);
    const clientInfo = { name: '[,{'.repeat(1000), version: '0' };
    const brackets = JSON.stringify({ ...initialize, params: { ...initialize.params, clientInfo } });
    expect(await stage.send({ body: brackets })).toMatchObject({ status: 200 });
  });

  it('parses no message whose names are longer than those of any call, which every refusal of one would say again', async () => {
    for (const names of [['x'.repeat(501)], Array.from({ length: 80 }, (_, at) => `name-${at}`)]) {
      const body = JSON.stringify({ ...initialize, ...Object.fromEntries(names.map((name) => [name, 0])) });
      const reply = await stage.send({ body });
      expect(reply).toMatchObject({ status: 413, headers: { connection: 'close' } });
      expect(reply.text).toMatch(/at most 500 bytes of names/);
    }
    expect(stage.refused).toEqual(['too-large ada', 'too-large ada']);
  });

  it('reads no more of all messages together than it may hold', async () => {
    const part = `{"jsonrpc":"2.0","x":"${'x'.repeat(3500)}`;
    const head = `POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${keyOf.bob}\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n`;
    const waiting = raw(head + part);
    const body = `${JSON.stringify(initialize).slice(0, -1)},"padding":"${'x'.repeat(3000)}"}`;
    await expect.poll(async () => (await stage.send({ body })).status).toBe(429);
    expect(await waiting).toMatch(/^HTTP\/1.1 408/);
    expect(await stage.send()).toMatchObject({ status: 200 });
  });

  it('keeps room for others while one caller sends slowly', async () => {
    const head = `POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${keyOf.bob}\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n`;
    const waiting = raw(`${head}{"x":"${'x'.repeat(3000)}`);
    const padded = JSON.stringify(initialize) + ' '.repeat(2200);
    const mine = { authorization: `Bearer ${keyOf.bob}` };
    await expect.poll(async () => (await stage.send({ body: padded, headers: mine })).status).toBe(429);
    expect(await stage.send({ body: padded })).toMatchObject({ status: 200 });
    expect(await waiting).toMatch(/^HTTP\/1.1 408/);
  });

  it('takes one message at a time: of a hundred in one request every limit would see one', async () => {
    const begun = await stage.send();
    const session = { 'mcp-session-id': String(begun.headers['mcp-session-id']) };
    const many = Array.from({ length: 3 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'tools/list' }));
    expect(await stage.send({ body: JSON.stringify(many), headers: session })).toMatchObject({ status: 400 });
  });

  it('answers headers that are too large with 431', async () => {
    expect(await stage.send({ headers: { 'x-much': 'x'.repeat(20_000) } })).toMatchObject({ status: 431 });
  });

  it('hangs up on who sends headers for ever, and on who sends a body for ever', async () => {
    expect(await raw('POST /mcp HTTP/1.1\r\nhost: localhost\r\nx-slow: ')).toMatch(/^(HTTP\/1.1 408|$)/);
    const head = `POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${keyOf.ada}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`;
    expect(await raw(head)).toMatch(/^(HTTP\/1.1 408|$)/);
  });

  it.each(['', '{', '\u{feff}{}{', 'nonsense', '{"a":1}{"b":2}'])(
    'answers %j, which is no JSON, with 400',
    async (body) => {
      const { status, text } = await stage.send({ body: body === '' ? Buffer.alloc(1) : body });
      expect(status).toBe(400);
      expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32700 } });
    },
  );

  it.each([[[]], [{}], [null], [[initialize, initialize]], [{ ...initialize, method: 'tools/list' }]])(
    'begins nothing with %j',
    async (message) => {
      expect(await stage.send({ body: JSON.stringify(message) })).toMatchObject({ status: 400 });
    },
  );

  it('says nothing of what it is made of', async () => {
    const replies = [
      await stage.send(),
      await stage.send({ path: '/x' }),
      await stage.send({ headers: { host: 'x' } }),
    ];
    for (const { headers } of replies) expect(headers).not.toHaveProperty('x-powered-by');
    for (const { headers } of replies) expect(headers).not.toHaveProperty('server');
  });
});
