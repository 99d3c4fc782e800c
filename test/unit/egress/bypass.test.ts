import { describe, expect, it } from 'vitest';
import {
  dialPort,
  exchange,
  get,
  readBytes,
  refusedConnect,
  restOf,
  socksRequest,
  socksTo,
  tunnelTo,
} from './support/client.js';
import { loopback, openRig } from './support/rig.js';
import { openEcho, openPages } from './support/servers.js';

/** Each place by each way in; what the ways say is gathered. */
async function everyWay(host: string, allow: readonly string[], port = 443): Promise<readonly string[]> {
  await using rig = await openRig({ allow });
  const shown = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const answers = [
    await refusedConnect(rig.httpPort, `${shown}:${port}`),
    await get(rig.httpPort, `http://${shown}:${port}/`),
    `SOCKS ${(await socksTo(rig.socksPort, socksRequest(host.replace(/^\[|\]$/g, ''), port))).code}`,
  ];
  expect(rig.connects).toEqual([]);
  expect(rig.looked).toEqual([]);
  return answers.map((answer) => answer.slice(0, 12));
}

const denied = ['HTTP/1.1 403', 'HTTP/1.1 403', 'SOCKS 2'];

describe('a host that is not the allowed one', () => {
  it.each([
    'evilallowed.test',
    'allowed.test.evil.test',
    'evil.test',
    'allowed.tes',
    'xn--llowed-2nf.test',
    'x_allowed.test',
  ])('%s is not reached by what allows allowed.test and all below it', async (host) =>
    expect(await everyWay(host, ['allowed.test', '*.allowed.test'])).toEqual(denied),
  );

  it('allowed.test itself is not reached by what allows only what is below it', async () => {
    expect(await everyWay('allowed.test', ['*.allowed.test'])).toEqual(denied);
  });

  it('is every host by an empty list', async () => {
    for (const host of ['allowed.test', '127.0.0.1', '8.8.8.8']) expect(await everyWay(host, [])).toEqual(denied);
  });
});

describe('an address of the host', () => {
  const all = ['*', 'allowed.test', '*.allowed.test'];
  const spellings = [
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '169.254.169.254',
    '10.0.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    '::',
  ];
  const hidden = [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '2002:7f00:1::',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '2001::80ff:fffe',
  ];
  const odd = ['0x7f.1', '0x7f000001', '2130706433', '017700000001', '0177.0.0.1', '127.1', '127.0.0.1.', '00.0.0.0'];

  it.each([...spellings, ...hidden])('is not reached by *, as %s', async (host) => {
    await using rig = await openRig({ allow: all, openAllowed: true });
    const shown = host.includes(':') ? `[${host}]` : host;
    expect(await refusedConnect(rig.httpPort, `${shown}:443`)).toMatch(/^HTTP\/1\.1 403 [\s\S]*egress\.address/);
    expect(rig.connects).toEqual([]);
  });

  it.each(odd)('is not reached in the odd spelling %s, whatever is allowed', async (host) => {
    await using rig = await openRig({ allow: [...all, '127.0.0.0/8', '0.0.0.0/8'], openAllowed: true });
    expect(await refusedConnect(rig.httpPort, `${host}:443`)).toMatch(/^HTTP\/1\.1 403 [\s\S]*egress\.host-name/);
    expect(await get(rig.httpPort, `http://${host}/`)).toMatch(/^HTTP\/1\.1 403 [\s\S]*egress\.host-name/);
    expect((await socksTo(rig.socksPort, socksRequest(host, 443))).code).toBe(2);
    expect([rig.connects, rig.looked]).toEqual([[], []]);
  });

  it('is not reached by a SOCKS request in numbers', async () => {
    await using rig = await openRig({ allow: all, openAllowed: true });
    const four = Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, 1, 187]);
    const six = Buffer.concat([
      Buffer.from([5, 1, 0, 4]),
      Buffer.alloc(10),
      Buffer.from([255, 255, 127, 0, 0, 1, 1, 187]),
    ]);
    for (const request of [four, six]) expect((await socksTo(rig.socksPort, request)).code).toBe(2);
    expect(rig.connects).toEqual([]);
  });

  it.each([
    ['the only one', [['127.0.0.1']]],
    ['one of several', [['8.8.8.8', '127.0.0.1']]],
    ['one of several, first', [['::1', '8.8.8.8']]],
    ['hidden in IPv6', [['::ffff:127.0.0.1']]],
    ['the one of metadata', [['169.254.169.254']]],
  ])('is not reached by a name that resolves to it: %s', async (_, answers) => {
    await using rig = await openRig({ allow: all, openAllowed: true, names: { 'allowed.test': answers } });
    expect(await refusedConnect(rig.httpPort, 'allowed.test:443')).toMatch(/^HTTP\/1\.1 403 [\s\S]*egress\.address/);
    expect(rig.connects).toEqual([]);
  });

  it('is not reached by a name whose answers are no addresses', async () => {
    await using rig = await openRig({
      allow: all,
      openAllowed: true,
      names: { 'allowed.test': [['fe80::1%lo']], 'evil.test': [['127.1']] },
    });
    for (const name of ['allowed.test', 'evil.test']) {
      expect(await refusedConnect(rig.httpPort, `${name}:443`)).toMatch(/^HTTP\/1\.1 502 /);
    }
    expect(rig.connects).toEqual([]);
  });

  it('is reached where a rule names it with that port, and with no other', async () => {
    await using echo = await openEcho();
    await using other = await openEcho();
    await using rig = await openRig({ allow: [`tcp://127.0.0.1:${echo.port}`] });
    const socket = await tunnelTo(rig.httpPort, `127.0.0.1:${echo.port}`);
    socket.destroy();
    expect(await refusedConnect(rig.httpPort, `127.0.0.1:${other.port}`)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await refusedConnect(rig.httpPort, `127.0.0.2:${echo.port}`)).toMatch(/^HTTP\/1\.1 403 /);
    expect(other.accepted).toBe(0);
  });
});

describe('a name that resolves differently the second time', () => {
  it('is dialled at the address that was checked', async () => {
    await using good = await openEcho('127.0.0.1');
    const answers = { 'allowed.test': [['127.0.0.1'], ['127.0.0.2']] };
    const allow = [`tcp://allowed.test:${good.port}`, `tcp://127.0.0.1:${good.port}`];
    await using rig = await openRig({ allow, names: answers });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${good.port}`);
    socket.write('ping');
    expect(String(await readBytes(socket, 4))).toBe('ping');
    socket.destroy();
    expect(rig.looked).toEqual(['allowed.test']);
    expect(rig.connects.map((one) => one.address)).toEqual(['127.0.0.1']);
    expect(await refusedConnect(rig.httpPort, `allowed.test:${good.port}`)).toContain('egress.address');
  });
});

describe('a relay', () => {
  it.each([25, 22, 53, 8080])('is not had on port %i of a host that is allowed', async (port) => {
    expect(await everyWay('allowed.test', ['allowed.test'], port)).toEqual(denied);
  });

  it('is not had through the proxies’ own ports, inside or outside', async () => {
    await using rig = await openRig({ allow: ['*', 'allowed.test'], openAllowed: true });
    for (const port of [61128, 61080, 61200, rig.httpPort, rig.socksPort]) {
      for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
        expect(await refusedConnect(rig.httpPort, `${host}:${port}`)).toMatch(/^HTTP\/1\.1 403 /);
      }
    }
  });

  it('is not had by a host of the broker, whatever the rules say', async () => {
    const allow = ['*', 'allowed.test', 'tcp://allowed.test:443'];
    await using rig = await openRig({ allow, openAllowed: true, brokered: ['allowed.test'] });
    for (const host of ['allowed.test', 'ALLOWED.test.', 'allowed。test']) {
      expect((await socksTo(rig.socksPort, socksRequest(Buffer.from(host), 443))).code).toBe(2);
    }
    expect(await refusedConnect(rig.httpPort, 'Allowed.Test.:443')).toContain('egress.brokered');
    expect(rig.looked).toEqual([]);
  });
});

describe('a SOCKS request', () => {
  it.each([
    ['NUL', Buffer.from('evil.test\0.allowed.test')],
    ['NUL at its end', Buffer.from('allowed.test\0')],
    ['a newline', Buffer.from('evil.test\n.allowed.test')],
    ['an escape', Buffer.from('evil.test%00.allowed.test')],
    ['a slash', Buffer.from('evil.test/.allowed.test')],
    ['a high bit', Buffer.from([0xe1, ...Buffer.from('llowed.test')])],
    ['nothing', Buffer.alloc(0)],
    ['255 letters', Buffer.alloc(255, 'a')],
  ])('with %s in its name is denied', async (_, name) => {
    await using rig = await openRig({ allow: ['*.allowed.test', 'allowed.test'] });
    expect((await socksTo(rig.socksPort, socksRequest(name, 443))).code).toBe(2);
    expect([rig.connects, rig.looked]).toEqual([[], []]);
    expect(rig.told[0]?.host).toMatch(/^[ -~]*$/);
  });

  it.each([
    ['BIND', 2],
    ['UDP ASSOCIATE', 3],
    ['Tor RESOLVE', 0xf0],
    ['nothing known', 9],
  ])('for %s is refused, so that nothing is resolved or listened on for it', async (_, command) => {
    await using rig = await openRig({ allow: ['allowed.test'] });
    expect((await socksTo(rig.socksPort, socksRequest('allowed.test', 53, command))).code).toBe(7);
    expect(rig.told).toMatchObject([{ ruleId: 'egress.command', via: 'socks' }]);
    expect(rig.looked).toEqual([]);
  });

  it('of a strange kind is refused', async () => {
    await using rig = await openRig({ allow: ['allowed.test'] });
    expect((await socksTo(rig.socksPort, Buffer.from([5, 1, 0, 9, 1, 1, 1]))).code).toBe(8);
    expect((await socksTo(rig.socksPort, Buffer.from([4, 1, 0, 1, 1, 1, 1]))).code).toBe(1);
    expect(await exchange(rig.socksPort, Buffer.from([4, 1, 0, 80, 127, 0, 0, 1, 0]))).toBe('\x05\xff');
    expect(await exchange(rig.socksPort, Buffer.from([5, 1, 2]))).toBe('\x05\xff');
    expect(await exchange(rig.socksPort, 'GET / HTTP/1.1\r\n\r\n')).toBe('\x05\xff');
  });

  it('that comes all at once is served, and serves the requests of one plain host only', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ allow: [`allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const socks = Buffer.concat([Buffer.from([5, 1, 0]), socksRequest('allowed.test', pages.port)]);
    const ask = (host: string) => `GET /x HTTP/1.1\r\nHost: ${host}:${pages.port}\r\nConnection: close\r\n\r\n`;
    expect(await exchange(rig.socksPort, Buffer.concat([socks, Buffer.from(ask('allowed.test'))]))).toContain(
      'hello /x',
    );
    expect(await exchange(rig.socksPort, Buffer.concat([socks, Buffer.from(ask('evil.test'))]))).toContain(' 400 ');
    expect(pages.requests).toHaveLength(1);
  });
});

describe('a CONNECT', () => {
  it.each([
    'allowed.test',
    'allowed.test:',
    ':443',
    'allowed.test:0',
    'allowed.test:65536',
    'a@allowed.test:443',
    'allowed.test:443/x',
    '::1:443',
  ])('to %s is malformed', async (authority) => {
    await using rig = await openRig({ allow: ['allowed.test'] });
    expect(await refusedConnect(rig.httpPort, authority)).toMatch(/^HTTP\/1\.1 400 /);
    expect(rig.looked).toEqual([]);
  });

  it('behind a request that is not answered yet ends the connection', async () => {
    await using pages = await openPages(() => undefined);
    await using rig = await openRig({ allow: [`allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const socket = await dialPort(rig.httpPort);
    const rest = restOf(socket);
    socket.write(`GET http://allowed.test:${pages.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    socket.write(`CONNECT allowed.test:${pages.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(await rest).toBe('');
    socket.destroy();
  });
});
