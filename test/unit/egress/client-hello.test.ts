import { once } from 'node:events';
import { connect as tlsConnect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { mostHelloBytes, readClientHello } from '../../../src/egress/client-hello.js';
import { outcomeOf, tunnelTo } from './support/client.js';
import { listenOn, loopback, openRig } from './support/rig.js';

const vector = (width: 1 | 2, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(width);
  length.writeUIntBE(body.length, 0, width);
  return Buffer.concat([length, body]);
};
const extension = (type: number, data: Buffer) =>
  Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, data)]);
const entry = (name: string, type = 0) => Buffer.concat([Buffer.from([type]), vector(2, Buffer.from(name, 'latin1'))]);
const named = (...names: string[]) => extension(0, vector(2, ...names.map((name) => entry(name))));
const other = extension(43, Buffer.from([2, 3, 4]));

/** The body of a hello; `tail` comes behind its ciphers. */
function bodyOf(...tail: Buffer[]): Buffer {
  return Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    vector(1),
    vector(2, Buffer.from([0x13, 1])),
    vector(1, Buffer.from([0])),
    ...tail,
  ]);
}

function message(body: Buffer, type = 1): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(type * 2 ** 24 + body.length);
  return Buffer.concat([head, body]);
}

/** In records of at most so many bytes. */
function records(bytes: Buffer, each = 16_384): Buffer {
  const starts = Array.from({ length: Math.ceil(bytes.length / each) }, (_, at) => at * each);
  const heads = starts.map((at) =>
    Buffer.concat([Buffer.from([0x16, 3, 1]), vector(2, bytes.subarray(at, at + each))]),
  );
  return Buffer.concat(heads);
}

const helloOf = (...extensions: Buffer[]) => message(bodyOf(vector(2, ...extensions)));

describe('a TLS hello', () => {
  it('of a real client is read', async () => {
    const hello = await realHello('allowed.test');
    expect(readClientHello(hello)).toEqual({ kind: 'hello', serverName: 'allowed.test' });
  });

  it('names the server wherever the name is among its extensions', () => {
    for (const extensions of [
      [named('a.test'), other],
      [other, named('a.test')],
    ]) {
      expect(readClientHello(records(helloOf(...extensions)))).toEqual({ kind: 'hello', serverName: 'a.test' });
    }
  });

  it('without a name, or without extensions at all, names none', () => {
    expect(readClientHello(records(helloOf(other)))).toEqual({ kind: 'hello' });
    expect(readClientHello(records(message(bodyOf())))).toEqual({ kind: 'hello' });
  });

  it.each([2, 3, 4, 5, 50])('in records of %i bytes is read as in one', (each) => {
    const bytes = records(helloOf(other, named('a.test')), each);
    expect(readClientHello(bytes)).toEqual({ kind: 'hello', serverName: 'a.test' });
  });

  it('is not whole before its last byte', () => {
    for (const bytes of [records(helloOf(named('a.test'))), records(helloOf(named('a.test')), 20)]) {
      for (let have = 0; have < bytes.length; have += 1) {
        expect(readClientHello(bytes.subarray(0, have))).toEqual({ kind: 'more' });
      }
    }
  });

  it('in more records than any client makes is refused as soon as they are too many', () => {
    const bytes = records(helloOf(named('a.test'), extension(21, Buffer.alloc(2600))), 1);
    expect(readClientHello(bytes.subarray(0, 64 * 6))).toEqual({ kind: 'more' });
    expect(readClientHello(bytes.subarray(0, 65 * 6))).toMatchObject({ kind: 'bad' });
  });

  const whole = helloOf(named('a.test'));
  it.each([
    ['two server names', records(helloOf(named('a.test', 'evil.test')))],
    ['two lists of server names', records(helloOf(named('a.test'), named('evil.test')))],
    ['the same list twice', records(helloOf(named('a.test'), other, named('a.test')))],
    ['an empty list of names', records(helloOf(extension(0, vector(2))))],
    ['an empty name', records(helloOf(named('')))],
    ['a name of another kind', records(helloOf(extension(0, vector(2, entry('a.test', 1)))))],
    ['NUL in its name', records(helloOf(named('a.test\0.evil.test')))],
    ['a byte in its name that is not ASCII', records(helloOf(named('\xe4.test')))],
    [
      'something behind the list',
      records(helloOf(extension(0, Buffer.concat([vector(2, entry('a.test')), Buffer.from('x')])))),
    ],
    [
      'something behind its extensions',
      records(message(Buffer.concat([bodyOf(vector(2, named('a.test'))), Buffer.from('x')]))),
    ],
    [
      'an extension that is longer than all of them',
      records(message(bodyOf(vector(2, named('a.test').subarray(0, 12))))),
    ],
    [
      'a session id of 33 bytes',
      records(message(Buffer.concat([Buffer.alloc(34), vector(1, Buffer.alloc(33)), bodyOf().subarray(35)]))),
    ],
    ['another message in its record', records(Buffer.concat([whole, whole]))],
    ['the beginning of another message in its record', records(Buffer.concat([whole, Buffer.from([1])]))],
    ['a record that is empty', Buffer.from([0x16, 3, 1, 0, 0])],
    ['a record that is too long', Buffer.from([0x16, 3, 1, 0x40, 1])],
    ['a length beyond what is read', records(Buffer.from([1, 0, 0x40, 0]))],
    ['another message first', records(message(bodyOf(), 2))],
    ['an alert in between', Buffer.concat([records(whole.subarray(0, 20)), Buffer.from([0x15, 3, 1, 0, 2, 1, 0])])],
    ['no TLS 1.x', Buffer.from([0x16, 2, 0, 0, 4, 1, 0, 0, 0])],
  ])('with %s is refused', (_, bytes) => {
    expect(readClientHello(bytes)).toMatchObject({ kind: 'bad' });
  });

  it('as long as may be is read, and a longer one refused', () => {
    const padded = (bytes: number) => helloOf(named('a.test'), extension(21, Buffer.alloc(bytes)));
    const room = mostHelloBytes - padded(0).length;
    expect(readClientHello(records(padded(room)))).toMatchObject({ kind: 'hello' });
    expect(readClientHello(records(padded(room + 1)))).toMatchObject({ kind: 'bad' });
  });
});

describe('a tunnel for https', () => {
  it.each([
    ['in one segment', 16_384, 10_000],
    ['byte by byte', 16_384, 1],
    ['in records that are split otherwise than its segments', 7, 11],
  ])('hands a hello on as it came: %s', async (_, each, segment) => {
    const parts: Buffer[] = [];
    await using server = await listenOn(0, (socket) => socket.on('data', (part: Buffer) => parts.push(part)));
    const allow = [`https://allowed.test:${server.port}`, ...loopback(server.port)];
    await using rig = await openRig({ allow });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    const sent = Buffer.concat([records(helloOf(other, named('allowed.test')), each), Buffer.from('and what follows')]);
    for (let at = 0; at < sent.length; at += segment) {
      await new Promise((resolve) => socket.write(sent.subarray(at, at + segment), resolve));
    }
    await expect.poll(() => Buffer.concat(parts).length, { interval: 2 }).toBe(sent.length);
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
    expect(rig.told).toEqual([]);
  });

  it.each([
    ['a second name behind the right one', records(helloOf(named('allowed.test', 'evil.test'))), 'malformed'],
    ['another name in a later record', records(helloOf(other, named('evil.test')), 13), 'TLS names evil.test'],
    [
      'a hello that does not end',
      records(Buffer.concat([Buffer.from([1, 0, 0x3f, 0xfc]), Buffer.alloc(16_300)]), 1000),
      'does not end',
    ],
  ])('lets nothing of %s out', async (_, bytes, reason) => {
    let received = 0;
    await using server = await listenOn(0, (socket) => socket.on('data', () => (received += 1)));
    const allow = [`https://allowed.test:${server.port}`, ...loopback(server.port)];
    await using rig = await openRig({ allow });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    const outcome = outcomeOf(socket);
    socket.write(bytes);
    await outcome;
    await expect.poll(() => server.sockets.size, { interval: 2 }).toBe(0);
    expect(received).toBe(0);
    expect(rig.told).toMatchObject([{ host: 'allowed.test', reason: expect.stringContaining(reason) }]);
  });
});

/** What Node sends first. */
async function realHello(servername: string): Promise<Buffer> {
  await using server = await listenOn(0, () => undefined);
  const client = tlsConnect({ port: server.port, host: '127.0.0.1', servername });
  client.on('error', () => undefined);
  await expect.poll(() => server.sockets.size, { interval: 2 }).toBe(1);
  const [socket] = server.sockets;
  const [bytes] = (await once(socket!, 'data')) as [Buffer];
  client.destroy();
  return bytes;
}
