import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Connect } from '../../../src/egress/dial.js';
import { HeldClock } from '../tools/support/stage.js';
import {
  dialPort,
  get,
  outcomeOf,
  readBytes,
  refusedConnect,
  restOf,
  socksRequest,
  socksTo,
  tunnelTo,
} from './support/client.js';
import { kinds, listenOn, loopback, openRig } from './support/rig.js';
import { openEcho, openPages } from './support/servers.js';

const shortMs = 25;
const never = () => new Promise<never>(() => undefined);
const minuteMs = 60_000;

describe.each(kinds)('a connection over a %s', (kind) => {
  it.each([
    ['says nothing', ''],
    ['does not finish its headers', 'GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nX-A: '],
    ['has been answered and says nothing more', 'GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n'],
  ])('that %s is closed', async (_, bytes) => {
    await using rig = await openRig({ kind, times: { requestMs: shortMs } });
    await over(await dialPort(rig.httpPort), bytes);
    await expect.poll(() => rig.egress.usage.connections, { interval: 2 }).toBe(0);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a greeting', Buffer.from([5, 2, 0])],
    ['a greeting alone', Buffer.from([5, 1, 0])],
    ['half a request', Buffer.concat([Buffer.from([5, 1, 0]), socksRequest('allowed.test', 443).subarray(0, 9)])],
  ])('that sends %s by SOCKS is closed', async (_, bytes) => {
    await using rig = await openRig({ kind, times: { requestMs: shortMs } });
    await over(await dialPort(rig.socksPort), bytes);
    await expect.poll(() => rig.egress.usage.connections, { interval: 2 }).toBe(0);
  });

  it.each([
    ['nothing', ''],
    ['half a TLS hello', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
    ['half a method', 'GE'],
  ])('that sends %s through its tunnel is broken off, outside as well', async (_, bytes) => {
    await using echo = await openEcho();
    const allow = [`https://allowed.test:${echo.port}`, ...loopback(echo.port)];
    await using rig = await openRig({ kind, allow, times: { firstBytesMs: shortMs } });
    await over(await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`), bytes);
    const reason = 'nothing was sent that tells what the tunnel carries';
    expect(rig.told).toMatchObject([{ ruleId: 'egress.protocol', host: 'allowed.test', reason }]);
    await expect.poll(() => echo.sockets.size, { interval: 2 }).toBe(0);
  });

  it('that was refused is closed a moment later, whether or not its client closes it', async () => {
    await using rig = await openRig({ kind, times: { lingerMs: shortMs } });
    const socket = await dialPort(rig.httpPort);
    socket.write('CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n');
    expect(await restOf(socket)).toMatch(/^HTTP\/1\.1 403 /);
    await expect.poll(() => rig.egress.usage.connections, { interval: 2 }).toBe(0);
    socket.destroy();
  });
});

describe('an address that does not answer', () => {
  const signals: AbortSignal[] = [];
  const connect: Connect = (_address, _port, signal) => {
    signals.push(signal);
    return never();
  };

  it('is given up in time, and the attempt with it', async () => {
    const allow = ['allowed.test:443', 'http://allowed.test', ...loopback(443), ...loopback(80)];
    await using rig = await openRig({ allow, connect, times: { dialMs: shortMs } });
    expect(await refusedConnect(rig.httpPort, 'allowed.test:443')).toMatch(/^HTTP\/1\.1 504 .*connection_timeout/s);
    expect(await get(rig.httpPort, 'http://allowed.test/')).toMatch(/^HTTP\/1\.1 504 .*connection_timeout/s);
    expect((await socksTo(rig.socksPort, socksRequest('allowed.test', 443))).code).toBe(6);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect([rig.connects, rig.told]).toEqual([[], []]);
  });

  it('and does so too late leaves no connection behind', async () => {
    const late = new Duplex({ read: () => undefined });
    const slow: Connect = (_address, _port, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(late)));
    await using rig = await openRig({
      allow: ['allowed.test:443', ...loopback(443)],
      connect: slow,
      times: { dialMs: shortMs },
    });
    expect(await refusedConnect(rig.httpPort, 'allowed.test:443')).toMatch(/^HTTP\/1\.1 504 /);
    await expect.poll(() => late.destroyed, { interval: 2 }).toBe(true);
  });
});

describe('a name whose look-up does not end', () => {
  it('is given up in time', async () => {
    await using rig = await openRig({ allow: ['allowed.test'], lookup: never, times: { lookupMs: shortMs } });
    expect(await refusedConnect(rig.httpPort, 'allowed.test:443')).toMatch(/^HTTP\/1\.1 502 .*not resolved in time/s);
    expect((await socksTo(rig.socksPort, socksRequest('allowed.test', 443))).code).toBe(4);
    expect(rig.told).toEqual([]);
  });
});

describe.each(kinds)('a connection over a %s through which nothing goes', (kind) => {
  it('for a quarter of an hour is broken off, and one through which something goes is not', async () => {
    const clock = new HeldClock();
    await using echo = await openEcho();
    const allow = [`tcp://allowed.test:${echo.port}`, ...loopback(echo.port, 'tcp://')];
    await using rig = await openRig({ kind, clock, allow });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    for (let round = 0; round < 3; round += 1) {
      await clock.pass(14 * minuteMs, 14 * minuteMs);
      socket.write('still here');
      await readBytes(socket, 10);
    }
    const outcome = outcomeOf(socket);
    await clock.pass(15 * minuteMs, minuteMs);
    await outcome;
    await expect.poll(() => [rig.egress.usage.connections, echo.sockets.size], { interval: 2 }).toEqual([0, 0]);
    expect(rig.told).toEqual([]);
  });

  it('gives its place back though each side has ended half of it only', async () => {
    const clock = new HeldClock();
    await using server = await listenOn(0, (socket) => socket.resume());
    const allow = [`tcp://allowed.test:${server.port}`, ...loopback(server.port, 'tcp://')];
    await using rig = await openRig({ kind, clock, allow });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    socket.end('mine');
    await expect.poll(() => rig.egress.usage.bytesOut, { interval: 2 }).toBe(4);
    await clock.pass(16 * minuteMs, minuteMs);
    await expect.poll(() => rig.egress.usage.connections, { interval: 2 }).toBe(0);
  });

  it('is broken off where a server never answers a request', async () => {
    const clock = new HeldClock();
    await using pages = await openPages(() => undefined);
    const allow = [`http://allowed.test:${pages.port}`, ...loopback(pages.port)];
    await using rig = await openRig({ kind, clock, allow });
    const answer = get(rig.httpPort, `http://allowed.test:${pages.port}/`);
    await expect.poll(() => pages.requests.length, { interval: 2 }).toBe(1);
    await clock.pass(16 * minuteMs, minuteMs);
    expect(await answer).toBe('');
    await expect.poll(() => rig.egress.usage.connections, { interval: 2 }).toBe(0);
  });
});

/** Sends what is said and waits for the other side to be done with the connection. */
async function over(socket: Socket, bytes: string | Buffer): Promise<void> {
  const outcome = outcomeOf(socket);
  if (bytes.length > 0) socket.write(bytes, 'latin1');
  await outcome;
}
