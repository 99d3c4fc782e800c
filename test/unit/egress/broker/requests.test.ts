import { describe, expect, it } from 'vitest';
import { sendJson } from './support/fake-provider.js';
import { ask, raw } from './support/inside.js';
import { canary, message, messageAnswer, opened } from './support/open.js';

const path = '/anthropic/v1/messages';

function answerMessage(_request: unknown, response: Parameters<typeof sendJson>[0]): void {
  sendJson(response, messageAnswer);
}

describe('a model call from inside', () => {
  it('reaches the provider with the real key, its own host and the body, and comes back', async () => {
    await using all = await opened(answerMessage);
    const answer = await ask(all.broker, { path: `${path}?beta=true`, body: message() });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual(messageAnswer);
    const [seen] = all.provider.seen;
    expect(seen).toMatchObject({ method: 'POST', url: '/v1/messages?beta=true' });
    expect(seen?.headers['x-api-key']).toBe(canary);
    expect(seen?.headers.host).toBe(all.provider.url.host);
    expect(JSON.parse(String(seen?.body))).toEqual(JSON.parse(message()));
  });

  it('loses every header that authenticates, redirects, bills somebody else or is not known', async () => {
    await using all = await opened(answerMessage);
    const sent = {
      'x-api-key': 'sk-of-the-attacker',
      authorization: 'Bearer of-the-attacker',
      cookie: 'a=b',
      'proxy-authorization': 'Basic eA==',
      'x-amz-security-token': 'x',
      'x-goog-api-key': 'x',
      'openai-organization': 'x',
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-host': 'elsewhere.test',
      forwarded: 'host=elsewhere.test',
      'x-original-url': '/v1/files',
      'x-http-method-override': 'DELETE',
      'anthropic-dangerous-direct-browser-access': 'true',
      'accept-encoding': 'gzip, br',
      te: 'trailers',
      upgrade: 'websocket',
      connection: 'upgrade, x-api-key',
    };
    const kept = { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'some-beta', 'user-agent': 'a client' };
    await ask(all.broker, { path, body: message(), headers: { ...sent, ...kept } });
    const headers = all.provider.seen[0]?.headers ?? {};
    expect(Object.keys(headers).sort()).toEqual([
      'accept-encoding',
      'anthropic-beta',
      'anthropic-version',
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'x-api-key',
    ]);
    expect(headers).toMatchObject({
      ...kept,
      'x-api-key': canary,
      'accept-encoding': 'identity',
      connection: 'keep-alive',
    });
  });

  it.each([
    ['a file API', 'POST', '/anthropic/v1/files', 'broker.path', 404],
    ['a batch', 'POST', '/anthropic/v1/messages/batches', 'broker.path', 404],
    ['another provider', 'POST', '/elsewhere/v1/messages', 'broker.path', 404],
    ['the root', 'GET', '/', 'broker.request', 400],
    ['a longer name', 'POST', '/anthropic/v1/messagesx', 'broker.path', 404],
    ['another case', 'POST', '/anthropic/V1/messages', 'broker.path', 404],
    ['two slashes', 'POST', '/anthropic//v1/messages', 'broker.request', 400],
    ['a slash at the end', 'POST', '/anthropic/v1/messages/', 'broker.request', 400],
    ['dots', 'POST', '/anthropic/v1/x/../messages', 'broker.request', 400],
    ['dots that are encoded', 'POST', '/anthropic/v1/%2e%2E/messages', 'broker.request', 400],
    ['dots between encoded slashes', 'POST', '/anthropic/v1%2f..%2Fv1/messages', 'broker.request', 400],
    ['an encoded slash', 'POST', '/anthropic/v1%2Fmessages', 'broker.path', 404],
    ['an encoding of an encoding', 'POST', '/anthropic/v1/%252e%252e/messages', 'broker.path', 404],
    ['a backslash', 'POST', '/anthropic/v1\\messages', 'broker.request', 400],
    ['an encoded backslash', 'POST', '/anthropic/v1%5C..%5Cmessages', 'broker.request', 400],
    ['NUL', 'POST', '/anthropic/v1/messages%00', 'broker.request', 400],
    ['a line break', 'POST', '/anthropic/v1/messages%0d%0aHost:x', 'broker.request', 400],
    ['bytes that are no UTF-8', 'POST', '/anthropic/v1/messages%ff', 'broker.request', 400],
    ['a parameter of the path', 'POST', '/anthropic/v1/messages;a=b', 'broker.path', 404],
    ['a fragment', 'POST', '/anthropic/v1/messages#x', 'broker.request', 400],
    ['an absolute URL', 'POST', 'http://127.0.0.1:61200/anthropic/v1/messages', 'broker.request', 400],
    ['another method', 'PUT', path, 'broker.method', 405],
    ['a made-up method', 'PROPFIND', path, 'broker.method', 405],
    ['DELETE', 'DELETE', path, 'broker.method', 405],
    ['a key in the URL', 'POST', `${path}?key=abc`, 'broker.query', 400],
    ['a parameter that is there twice', 'POST', `${path}?beta=true&beta=true`, 'broker.query', 400],
    ['a parameter with another value', 'POST', `${path}?beta=1`, 'broker.query', 400],
    ['a parameter in another spelling', 'POST', `${path}?bet%61=true&__proto__=x`, 'broker.query', 400],
  ])('is refused with %s', async (_what, method, target, ruleId, status) => {
    await using all = await opened(answerMessage);
    const answer = await ask(all.broker, { method, path: target, body: message() });
    expect(answer.status).toBe(status);
    expect(answer.headers['x-paddock-rule']).toBe(ruleId);
    expect(JSON.parse(answer.text)).toMatchObject({ type: 'error', error: { code: ruleId } });
    expect(all.provider.seen).toEqual([]);
    expect(all.refusals).toMatchObject([{ ruleId, via: 'broker', count: 1 }]);
  });

  it.each([
    [
      'two Host headers',
      'POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}',
    ],
    ['no Host header', 'POST /anthropic/v1/messages HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'],
    ['another Host', 'POST /anthropic/v1/messages HTTP/1.1\r\nHost: elsewhere.test\r\nContent-Length: 2\r\n\r\n{}'],
    [
      'two lengths',
      'POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    ],
    [
      'a length and chunks',
      'POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'another coding',
      'POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    ],
    ['bare line feeds', 'POST /anthropic/v1/messages HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 2\n\n{}'],
    [
      'a folded header',
      'POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}',
    ],
    [
      'a space before the colon',
      'POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length : 2\r\n\r\n{}',
    ],
    [
      'a body where there is none',
      'GET /anthropic/v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}',
    ],
    ['a target of another host', 'GET http://elsewhere.test/v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['CONNECT', 'CONNECT elsewhere.test:443 HTTP/1.1\r\nHost: elsewhere.test:443\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a huge head', `POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`],
    [
      'a huge number of headers',
      `POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n${'A: b\r\n'.repeat(8_000)}\r\n`,
    ],
  ])('is refused with %s on the wire', async (_what, text) => {
    await using all = await opened(answerMessage, { limits: { bodyMs: 500 } });
    const answer = await raw(all.broker, text);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(all.provider.seen).toEqual([]);
  });

  it('is refused when its body is compressed, no JSON, no object, or in bytes that are no UTF-8', async () => {
    await using all = await opened(answerMessage);
    const bodies = ['', 'no', '[]', '"x"', `${message()}x`, `\u{feff}${message()}x`, Buffer.from([0x7b, 0xff, 0x7d])];
    for (const body of bodies) {
      expect(await ask(all.broker, { method: 'POST', path, body })).toMatchObject({ status: 400 });
    }
    const compressed = await ask(all.broker, { path, body: message(), headers: { 'content-encoding': 'gzip' } });
    expect(compressed.headers['x-paddock-rule']).toBe('broker.body');
    const deep = await ask(all.broker, { path, body: `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}` });
    expect(deep.headers['x-paddock-rule']).toBe('broker.body');
    expect(all.provider.seen).toEqual([]);
  });

  it('goes on as it was judged when a key stands there twice', async () => {
    await using all = await opened(answerMessage);
    const tools = '"tools":[{"type":"web_search_20250305","name":"web_search"}]';
    const body = `{${tools},"tools":[],"model":"claude-sonnet-5","messages":[]}`;
    expect((await ask(all.broker, { path, body })).status).toBe(200);
    expect(String(all.provider.seen[0]?.body)).not.toContain('web_search');
    const other = `{"tools":[],${tools},"messages":[]}`;
    expect((await ask(all.broker, { path, body: other })).headers['x-paddock-rule']).toBe('broker.server-tool');
  });

  it('is refused when its body is larger than what is taken, also without a length', async () => {
    await using all = await opened(answerMessage, { limits: { bodyBytes: 1_000 } });
    const body = message({ system: 'x'.repeat(2_000) });
    const answer = await ask(all.broker, { path, body });
    expect(answer).toMatchObject({ status: 413, headers: { 'x-paddock-rule': 'broker.body-size' } });
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n`;
    expect(await raw(all.broker, `${head}${body.length.toString(16)}\r\n${body}\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('is told to come back when as many are under way as may be', async () => {
    const waiting: (() => void)[] = [];
    await using all = await opened(
      async (_request, response) => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        sendJson(response, messageAnswer);
      },
      { limits: { requests: 1 } },
    );
    const first = ask(all.broker, { path, body: message() });
    await expect.poll(() => waiting.length).toBe(1);
    const second = await ask(all.broker, { path, body: message() });
    expect(second).toMatchObject({
      status: 429,
      headers: { 'x-paddock-rule': 'broker.busy', 'x-should-retry': 'true' },
    });
    waiting[0]?.();
    expect((await first).status).toBe(200);
  });

  it('goes over one connection one after the other, and to the provider over kept ones', async () => {
    await using all = await opened(answerMessage);
    const text = message();
    const one = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    const last = one.replace('Host:', 'Connection: close\r\nHost:');
    const answer = await raw(all.broker, one + last);
    expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(all.provider.seen).toHaveLength(2);
  });
});
