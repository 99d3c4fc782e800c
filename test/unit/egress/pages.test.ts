import { describe, expect, it } from 'vitest';
import { dialPort, exchange, get, readBytes, restOf } from './support/client.js';
import { kinds, listenOn, loopback, openRig } from './support/rig.js';
import { openPages } from './support/servers.js';

const request = (method: string, url: string, more: string) => `${method} ${url} HTTP/1.1\r\nHost: x\r\n${more}`;

describe.each(kinds)('a page asked for over a %s', (kind) => {
  it('is got from a host that is allowed, with the Host of the URL', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const headers = 'Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nX-Mine: 1\r\nTE: trailers\r\n';
    const answer = await get(rig.httpPort, `http://ALLOWED.test.:${pages.port}?q=%2e#`.replace('#', ''), headers);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*hello \/\?q=%2e/);
    const [asked] = pages.requests;
    expect(asked?.headers).toEqual({ host: `allowed.test:${pages.port}`, 'x-mine': '1', connection: 'close' });
    expect(rig.connects).toMatchObject([{ host: 'allowed.test', via: 'http', address: '127.0.0.1' }]);
  });

  it.each([
    ['a length', 'Content-Length: 5\r\n\r\nhello', 'hello'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['nothing', '\r\n', ''],
  ])('is sent a body by %s', async (_, rest, body) => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const url = `http://allowed.test:${pages.port}/post`;
    expect(await exchange(rig.httpPort, request('POST', url, `Connection: close\r\n${rest}`))).toContain('hello /post');
    expect(pages.bodies).toEqual([body]);
  });

  it('is got after another by the same connection, in order, also when all were asked for at once', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const url = (path: string) => `http://allowed.test:${pages.port}${path}`;
    const all = ['/1', '/2', '/3'].map((path) => request('GET', url(path), '\r\n')).join('');
    const answer = await exchange(rig.httpPort, all + request('GET', url('/4'), 'Connection: close\r\n\r\n'));
    expect(answer.match(/hello \/\d/g)).toEqual(['hello /1', 'hello /2', 'hello /3', 'hello /4']);
    expect(rig.egress.usage.total).toBe(1);
  });

  it('that nobody allows is refused with the rule that would', async () => {
    await using rig = await openRig({ kind });
    const answer = await get(rig.httpPort, 'http://evil.test/secret');
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(answer).toContain('Proxy-Status: paddock; error=http_request_denied; details="egress.host"');
    expect(answer).toContain(
      'blocked by paddock: evil.test:80 (rule egress.host): no rule allows evil.test:80. Allow it: `--allow http://evil.test`, or',
    );
    expect(rig.egress.refusals()).toMatchObject([
      { ruleId: 'egress.host', host: 'evil.test', port: 80, via: 'http', count: 1 },
    ]);
    expect(rig.looked).toEqual([]);
  });

  it('refused with a body leaves nothing that could be read as a request', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const hidden = request('GET', `http://allowed.test:${pages.port}/hidden`, '\r\n');
    const socket = await dialPort(rig.httpPort);
    const rest = restOf(socket);
    socket.write(request('POST', 'http://evil.test/', `Connection: close\r\nContent-Length: ${hidden.length}\r\n\r\n`));
    socket.write(hidden);
    expect((await rest).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 403']);
    expect(pages.requests).toEqual([]);
  });

  it('is judged anew where a redirect leads', async () => {
    await using pages = await openPages((_, response) => {
      response.writeHead(302, { Location: 'http://evil.test/' }).end();
    });
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const answer = await get(rig.httpPort, `http://allowed.test:${pages.port}/`);
    expect(answer).toMatch(/^HTTP\/1\.1 302 /);
    const [, location = ''] = /Location: (\S+)/.exec(answer) ?? [];
    expect(await get(rig.httpPort, location)).toMatch(/^HTTP\/1\.1 403 /);
    expect(rig.looked).toEqual(['allowed.test']);
  });

  it.each([
    ['by https', 'https://allowed.test/', 'CONNECT'],
    ['of the proxy itself', '/', 'http:// URL'],
    ['with a user', 'http://user:pass@allowed.test/', 'http:// URL'],
    ['with a user that looks like a host', 'http://allowed.test:80@evil.test/', 'http:// URL'],
    ['with a backslash', 'http://evil.test\\@allowed.test/', 'egress.request'],
    ['by ftp', 'ftp://allowed.test/', 'http:// URL'],
    ['with a bad port', 'http://allowed.test:99999/', 'http:// URL'],
    ['with a port of nothing', 'http://allowed.test:/', 'http:// URL'],
  ])('%s is malformed', async (_, url, hint) => {
    await using rig = await openRig({ kind, allow: ['allowed.test', 'evil.test'] });
    const answer = await exchange(rig.httpPort, request('GET', url, 'Connection: close\r\n\r\n'));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(hint);
    expect(rig.looked).toEqual([]);
  });

  it('is sent only once its client was told to go on, and not before it was judged', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const expecting = 'Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n';
    const refused = await exchange(rig.httpPort, request('POST', 'http://evil.test/', expecting));
    expect(refused).toMatch(/^HTTP\/1\.1 403 /);
    const socket = await dialPort(rig.httpPort);
    socket.write(request('POST', `http://allowed.test:${pages.port}/`, expecting));
    expect((await readBytes(socket, 25)).toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    const rest = restOf(socket);
    socket.write('hello');
    expect(await rest).toMatch(/^HTTP\/1\.1 200 /);
    expect(pages.bodies).toEqual(['hello']);
    expect(pages.requests[0]?.headers.expect).toBeUndefined();
  });

  it('that comes before its body was read reaches the client', async () => {
    await using server = await listenOn(0, (socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nfull'));
    });
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${server.port}`, ...loopback(server.port)] });
    const socket = await dialPort(rig.httpPort);
    socket.write(request('POST', `http://allowed.test:${server.port}/`, 'Content-Length: 1000000\r\n\r\nx'));
    expect((await readBytes(socket, 12)).toString()).toBe('HTTP/1.1 413');
    socket.destroy();
  });

  it.each([
    ['breaks off before it answers', '', 'broke off'],
    ['answers what is no HTTP', 'SSH-2.0-x\r\n', 'broke off'],
    ['answers in a strange coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 'coding'],
    [
      'changes the protocol unasked',
      'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
      'broke off',
    ],
  ])('is a bad gateway where the server %s', async (_, answer, says) => {
    await using server = await listenOn(0, (socket) => socket.once('data', () => socket.end(answer)));
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${server.port}`, ...loopback(server.port)] });
    const got = await get(rig.httpPort, `http://allowed.test:${server.port}/`);
    expect(got).toMatch(/^HTTP\/1\.1 502 /);
    expect(got).toContain(says);
  });

  it('that breaks off in the middle does so for the client', async () => {
    await using server = await listenOn(0, (socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'));
    });
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${server.port}`, ...loopback(server.port)] });
    const got = await get(rig.httpPort, `http://allowed.test:${server.port}/`);
    expect(got).toMatch(/half$/);
  });

  it('has the headers of its server but those about the connection', async () => {
    await using server = await listenOn(0, (socket) => {
      const headers =
        'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: x\r\nProxy-Authenticate: Basic\r\n';
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${headers}Content-Length: 2\r\n\r\nok`));
    });
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${server.port}`, ...loopback(server.port)] });
    const [head] = (await get(rig.httpPort, `http://allowed.test:${server.port}/`)).split('\r\n\r\n');
    expect(head?.split('\r\n')).toEqual([
      ...['HTTP/1.1 200 OK', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Content-Length: 2', 'Connection: close'],
    ]);
  });
});
