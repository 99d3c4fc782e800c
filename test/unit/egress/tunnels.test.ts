import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  exchange,
  outcomeOf,
  readBytes,
  refusedConnect,
  restOf,
  socksRequest,
  socksTo,
  tunnelTo,
} from './support/client.js';
import { kinds, listenOn, loopback, openRig } from './support/rig.js';
import { openEcho, openPages, openTlsEcho, tlsOver } from './support/servers.js';

describe.each(kinds)('a tunnel over a %s', (kind) => {
  it('carries TLS to a host that is allowed, asked for by its name', async () => {
    await using echo = await openTlsEcho();
    await using rig = await openRig({ kind, allow: [`https://allowed.test:${echo.port}`, ...loopback(echo.port)] });
    const tls = await tlsOver(await tunnelTo(rig.httpPort, `Allowed.TEST.:${echo.port}`), 'allowed.test');
    tls.write('hello');
    expect(String(await once(tls, 'data'))).toBe('hello');
    tls.end();
    await once(tls, 'close');
    expect(echo.named).toEqual(['allowed.test']);
    expect(rig.connects).toEqual([
      {
        ...{ host: 'allowed.test', port: echo.port, via: 'connect', address: '127.0.0.1' },
        rule: `https://allowed.test:${echo.port}`,
      },
    ]);
    expect(rig.told).toEqual([]);
  });

  it.each([
    ['another server', 'evil.test', 'TLS names evil.test, and the connection was asked for allowed.test'],
    ['no server', undefined, 'TLS names no server, and not allowed.test'],
  ])('breaks off a handshake that names %s', async (_, serverName, reason) => {
    await using echo = await openTlsEcho();
    await using rig = await openRig({ kind, allow: [`https://allowed.test:${echo.port}`, ...loopback(echo.port)] });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    await expect(tlsOver(socket, serverName)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED' });
    expect(echo.named).toEqual([]);
    expect(rig.told).toMatchObject([{ ruleId: 'egress.server-name', host: 'allowed.test', reason }]);
  });

  it('takes TLS without a name to an address, and none with another name', async () => {
    await using echo = await openTlsEcho();
    await using rig = await openRig({ kind, allow: [`https://127.0.0.1:${echo.port}`] });
    const tls = await tlsOver(await tunnelTo(rig.httpPort, `127.0.0.1:${echo.port}`));
    tls.destroy();
    const again = await tunnelTo(rig.httpPort, `127.0.0.1:${echo.port}`);
    await expect(tlsOver(again, 'allowed.test')).rejects.toThrow();
    expect(rig.told).toMatchObject([{ ruleId: 'egress.server-name' }]);
  });

  it.each([
    ['plain text', 'GET / HTTP/1.1\r\nHost: allowed.test\r\n\r\n', 'plain text is sent where only TLS is allowed'],
    ['anything else', '\0\x01\x02', 'what is sent is neither TLS nor an HTTP request'],
    ['SSH', 'SSH-2.0-x\r\n', 'what is sent is neither TLS nor an HTTP request'],
    ['a handshake that is none', '\x16\x03\x01\0\x04\x02\0\0\0', 'the TLS hello is malformed: it is no ClientHello'],
  ])('for https carries no %s', async (_, bytes, reason) => {
    await using server = await openEcho();
    await using rig = await openRig({ kind, allow: [`https://allowed.test:${server.port}`, ...loopback(server.port)] });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    const rest = restOf(socket);
    socket.write(bytes, 'latin1');
    expect(await rest).not.toContain('hello');
    socket.destroy();
    expect(rig.told).toMatchObject([{ ruleId: 'egress.protocol', reason }]);
    expect(server.accepted).toBe(1);
  });

  it('for http carries no TLS', async () => {
    await using echo = await openTlsEcho();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${echo.port}`, ...loopback(echo.port)] });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    await expect(tlsOver(socket, 'allowed.test')).rejects.toThrow();
    expect(rig.told).toMatchObject([{ ruleId: 'egress.protocol', reason: expect.stringContaining('TLS is sent') }]);
  });

  it('for http carries requests for its own host, one by one', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${pages.port}`);
    const rest = restOf(socket);
    const host = `Host: allowed.test:${pages.port}\r\n`;
    socket.write(`GET /a HTTP/1.1\r\n${host}\r\nGET /b HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
    expect((await rest).match(/hello \/[ab]/g)).toEqual(['hello /a', 'hello /b']);
    expect(pages.requests.map(({ headers }) => headers.host)).toEqual(Array(2).fill(`allowed.test:${pages.port}`));
  });

  it.each([
    ['another host', 'GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n', 400],
    ['an absolute URL of another host', 'GET http://evil.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: allowed.test\r\nHost: evil.test\r\n\r\n', 400],
  ])('for http carries no request for %s', async (_, request, status) => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${pages.port}`);
    const rest = restOf(socket);
    socket.write(request.replace('allowed.test', `allowed.test:${pages.port}`));
    expect(await rest).toContain(` ${status} `);
    expect(pages.requests).toEqual([]);
  });

  it('for http opens no tunnel in the tunnel', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${pages.port}`);
    const outcome = outcomeOf(socket);
    socket.write('CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n');
    await outcome;
    expect(pages.requests).toEqual([]);
  });

  it('for tcp carries anything, and lets the server speak first', async () => {
    await using server = await listenOn(0, (socket) => socket.end('220 welcome'));
    await using rig = await openRig({
      kind,
      allow: [`tcp://allowed.test:${server.port}`, ...loopback(server.port, 'tcp://')],
    });
    expect(await restOf(await tunnelTo(rig.httpPort, `allowed.test:${server.port}`))).toBe('220 welcome');
    const socks = await socksTo(rig.socksPort, socksRequest('allowed.test', server.port));
    expect(socks.code).toBe(0);
    expect(await restOf(socks.socket)).toBe('220 welcome');
  });

  it('for tcp looks all the same where only the https rule of a network opens the address', async () => {
    await using server = await openEcho();
    await using rig = await openRig({
      kind,
      allow: [`tcp://allowed.test:${server.port}`, ...loopback(server.port, 'https://')],
    });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    const outcome = outcomeOf(socket);
    socket.write('plain');
    await outcome;
    expect(rig.told).toMatchObject([{ ruleId: 'egress.protocol' }]);
  });

  it('ends each way by itself', async () => {
    await using server = await listenOn(0, (socket) => {
      socket.once('end', () => socket.end('after your end'));
      socket.resume();
    });
    await using rig = await openRig({
      kind,
      allow: [`tcp://allowed.test:${server.port}`, ...loopback(server.port, 'tcp://')],
    });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    socket.end('mine');
    expect(await restOf(socket)).toBe('after your end');
  });

  it('is over for each side when the other breaks off', async () => {
    const over: Promise<string>[] = [];
    await using server = await listenOn(0, (socket) => {
      over.push(outcomeOf(socket));
      socket.write('x');
      if (over.length === 2) setImmediate(() => socket.resetAndDestroy());
    });
    const allow = [`tcp://allowed.test:${server.port}`, ...loopback(server.port, 'tcp://')];
    await using rig = await openRig({ kind, allow });
    const first = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    await readBytes(first, 1);
    first.resetAndDestroy();
    await over[0];
    await outcomeOf(await tunnelTo(rig.httpPort, `allowed.test:${server.port}`));
    expect(over).toHaveLength(2);
  });

  it('takes what came together with its request', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ kind, allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const connect = `CONNECT allowed.test:${pages.port} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const request = `GET /early HTTP/1.1\r\nHost: allowed.test:${pages.port}\r\nConnection: close\r\n\r\n`;
    expect(await exchange(rig.httpPort, connect + request)).toContain('hello /early');
  });

  it('moves many megabytes both ways unchanged', async () => {
    await using echo = await openEcho();
    await using rig = await openRig({
      kind,
      allow: [`tcp://allowed.test:${echo.port}`, ...loopback(echo.port, 'tcp://')],
    });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    const sent = Buffer.from(Array.from({ length: 4 * 2 ** 20 }, (_, at) => (at * 7 + (at >> 9)) & 255));
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.end(sent);
    await once(socket, 'end');
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
    expect(rig.egress.usage).toMatchObject({ bytesIn: sent.length, bytesOut: sent.length });
  });

  it('is not opened when nobody answers, and says so', async () => {
    await using gone = await openEcho();
    const { port } = gone;
    await gone[Symbol.asyncDispose]();
    await using rig = await openRig({
      kind,
      allow: [`https://allowed.test:${port}`, `nowhere.test:${port}`, ...loopback(port)],
    });
    expect(await refusedConnect(rig.httpPort, `allowed.test:${port}`)).toMatch(/^HTTP\/1.1 502 .*connection_refused/s);
    expect(await refusedConnect(rig.httpPort, `nowhere.test:${port}`)).toMatch(/^HTTP\/1.1 502 .*dns_error/s);
    expect((await socksTo(rig.socksPort, socksRequest('allowed.test', port))).code).toBe(5);
    expect((await socksTo(rig.socksPort, socksRequest('nowhere.test', port))).code).toBe(4);
    expect(rig.told).toEqual([]);
  });
});

it('of a tunnel to a host that is reserved for the broker nothing is left, and other tunnels stay', async () => {
  await using echo = await openEcho();
  const allow = ['allowed.test', 'evil.test'].map((host) => `tcp://${host}:${echo.port}`);
  await using rig = await openRig({ allow: [...allow, ...loopback(echo.port, 'tcp://')] });
  const [reserved, other] = await Promise.all([
    tunnelTo(rig.httpPort, `allowed.test:${echo.port}`),
    tunnelTo(rig.httpPort, `evil.test:${echo.port}`),
  ]);
  const over = outcomeOf(reserved);
  rig.egress.reserve(['allowed.test']);
  await over;
  other.write('hello');
  expect(String(await readBytes(other, 5))).toBe('hello');
  other.destroy();
  expect(await refusedConnect(rig.httpPort, `allowed.test:${echo.port}`)).toContain('egress.brokered');
});
