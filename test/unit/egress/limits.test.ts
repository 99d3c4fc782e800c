import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { EgressRefusal } from '../../../src/core/egress.js';
import { Budget, OutOfBytes } from '../../../src/egress/budget.js';
import { Refusals } from '../../../src/egress/refusals.js';
import { HeldClock } from '../tools/support/stage.js';
import { dialPort, exchange, get, outcomeOf, readBytes, refusedConnect, tunnelTo } from './support/client.js';
import { kinds, listenOn, loopback, openRig } from './support/rig.js';
import { openEcho, openPages } from './support/servers.js';

const toAny = (port: number) => [`tcp://allowed.test:${port}`, ...loopback(port, 'tcp://')];

describe.each(kinds)('connections at once over a %s', (kind) => {
  it('are refused beyond their limit, and a place is given back when one is closed', async () => {
    await using echo = await openEcho();
    await using rig = await openRig({ kind, allow: toAny(echo.port), spec: { connections: 2 } });
    const first = await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    await turnedAway(rig.httpPort);
    await turnedAway(rig.socksPort);
    expect(rig.told).toMatchObject([
      // What the two ways in refuse counts together: nothing was asked for yet.
      { ruleId: 'egress.limit', host: '', port: 0, via: 'http', reason: expect.stringContaining('connections') },
      { ruleId: 'egress.limit', via: 'socks', count: 2 },
    ]);
    expect(rig.egress.usage).toMatchObject({ connections: 2, total: 2 });
    first.destroy();
    await expect.poll(() => rig.egress.usage.connections, { interval: 2 }).toBe(1);
    await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    expect(rig.egress.usage).toMatchObject({ connections: 2, total: 3 });
  });

  it('may be many without a warning of Node on the server’s own output', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    await using echo = await openEcho();
    await using rig = await openRig({ kind, allow: toAny(echo.port) });
    await Promise.all(Array.from({ length: 15 }, () => tunnelTo(rig.httpPort, `allowed.test:${echo.port}`)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['server', true],
    ['client', false],
  ])('take a place back from a tunnel that the %s ends first and the other side after it', async (_, isServerFirst) => {
    await using server = await listenOn(0, (socket) => {
      socket.once('data', () => (isServerFirst ? socket.end('bye') : socket.write('bye')));
      socket.once('end', () => socket.end());
    });
    await using rig = await openRig({ kind, allow: toAny(server.port) });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    socket.write('hello');
    await readBytes(socket, 3);
    socket.resume();
    if (isServerFirst && !socket.readableEnded) await once(socket, 'end');
    socket.end();
    await expect.poll(() => [rig.egress.usage.connections, server.sockets.size], { interval: 2 }).toEqual([0, 0]);
  });

  it('take a place back from a request that was refused, too', async () => {
    await using rig = await openRig({ kind, spec: { connections: 1 } });
    for (let round = 0; round < 3; round += 1) {
      expect(await refusedConnect(rig.httpPort, 'evil.test:443')).toMatch(/^HTTP\/1\.1 403 /);
      await expect.poll(() => rig.egress.usage.connections, { interval: 2 }).toBe(0);
    }
  });
});

describe('bytes of a session', () => {
  it('end a tunnel when they are spent, and every later connection', async () => {
    await using echo = await openEcho();
    await using rig = await openRig({ allow: toAny(echo.port), spec: { bytes: 1000 } });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    socket.write(Buffer.alloc(400));
    await readBytes(socket, 400);
    const outcome = outcomeOf(socket);
    socket.write(Buffer.alloc(201));
    expect(await outcome).toBe('reset');
    expect(rig.told).toMatchObject([{ ruleId: 'egress.limit', host: 'allowed.test', port: echo.port }]);
    await expect.poll(() => echo.sockets.size, { interval: 2 }).toBe(0);
    await turnedAway(rig.httpPort);
    expect(rig.told.at(-1)).toMatchObject({
      ruleId: 'egress.limit',
      host: '',
      reason: expect.stringContaining('bytes'),
    });
    const { bytesIn, bytesOut } = rig.egress.usage;
    expect(bytesIn + bytesOut).toBe(1000);
  });

  it('end a page in its middle, which is not taken for its end', async () => {
    await using pages = await openPages((_, response) => response.end(Buffer.alloc(100_000, 'x')));
    const allow = [`http://allowed.test:${pages.port}`, ...loopback(pages.port)];
    await using rig = await openRig({ allow, spec: { bytes: 50_000 } });
    const answer = await get(rig.httpPort, `http://allowed.test:${pages.port}/`);
    expect(answer).not.toContain('x'.repeat(60_000));
    expect(rig.told).toMatchObject([{ ruleId: 'egress.limit', host: 'allowed.test' }]);
  });
});

describe('bytes per second', () => {
  const limits = { connections: 1, bytes: 2 ** 40, bytesPerSecond: 1000 };

  it('are a second’s worth at once, and what is beyond them is waited for', () => {
    const clock = new HeldClock();
    const budget = new Budget(limits, clock);
    expect([budget.spend('in', 1000), budget.spend('out', 500), budget.spend('in', 1)]).toEqual([0, 500, 501]);
    clock.nowMs += 501;
    expect(budget.spend('out', 1)).toBe(1);
  });

  it('are not saved up beyond one second', () => {
    const clock = new HeldClock();
    const budget = new Budget(limits, clock);
    clock.nowMs += 3_600_000;
    expect([budget.spend('in', 1000), budget.spend('in', 1000)]).toEqual([0, 1000]);
  });

  it('below none that are left do not count bytes that did not go', () => {
    const budget = new Budget({ ...limits, bytes: 10 }, new HeldClock());
    expect(() => budget.spend('in', 11)).toThrow(OutOfBytes);
    expect(budget.isSpent).toBe(true);
    expect(() => budget.spend('in', 1)).toThrow(OutOfBytes);
    expect(budget.usage).toMatchObject({ bytesIn: 0, bytesOut: 10 });
  });

  it('hold a tunnel back', async () => {
    const clock = new NotedClock();
    let received = 0;
    await using server = await listenOn(0, (socket) => {
      socket.on('data', (chunk) => {
        received += chunk.length;
      });
    });
    await using echo = await openEcho();
    await using rig = await openRig({ clock, allow: toAny(server.port), spec: { bytesPerSecond: 1000 } });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    socket.write(Buffer.alloc(3000));
    await expect.poll(() => received, { interval: 2 }).toBe(3000);
    await expect.poll(() => clock.slept, { interval: 2 }).toContain(2000);
    socket.write('x');
    // Long enough for everything else on this machine to get there.
    for (let turn = 0; turn < 5; turn += 1) await roundTrip(echo.port);
    await clock.pass(1999, 1999);
    expect(received).toBe(3000);
    await clock.pass(1, 1);
    await expect.poll(() => received, { interval: 2 }).toBe(3001);
  });
});

describe('a flood of refusals', () => {
  it('is counted together where it is the same, and told ever more seldom', async () => {
    await using rig = await openRig();
    for (let round = 0; round < 20; round += 1) await refusedConnect(rig.httpPort, 'evil.test:443');
    expect(rig.egress.refusals()).toMatchObject([{ host: 'evil.test', count: 20 }]);
    expect(rig.told.map(({ count }) => count)).toEqual([1, 2, 4, 8, 16]);
  });

  it('is told fifty times in ten seconds at most, and the newest hundred are kept', async () => {
    const clock = new HeldClock();
    await using rig = await openRig({ clock });
    const flood = async (from: number) => {
      const requests = Array.from({ length: 120 }, (_, at) => {
        const host = `no${from + at}.test`;
        return `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n`;
      });
      const last = requests.map((one, at) => `${one}${at % 30 === 29 ? 'Connection: close\r\n' : ''}\r\n`);
      for (let at = 0; at < last.length; at += 30) await exchange(rig.httpPort, last.slice(at, at + 30).join(''));
    };
    await flood(0);
    expect(rig.told).toHaveLength(50);
    expect(rig.egress.refusals()).toHaveLength(100);
    expect(rig.egress.refusals().at(-1)).toMatchObject({ host: 'no119.test' });
    await clock.pass(10_000, 10_000);
    await flood(120);
    expect(rig.told).toHaveLength(100);
  });
});

describe('refusals of addresses', () => {
  it('are told and kept whatever flood of names comes before, each is heard, and what is not told is counted', () => {
    const clock = new HeldClock();
    const [told, untold]: [EgressRefusal[], number[]] = [[], []];
    let heard = 0;
    const onEach = () => {
      heard += 1;
    };
    const refusals = new Refusals(clock, (one) => told.push(one), { onEach, onUntold: (count) => untold.push(count) });
    const add = (host: string, ruleId: string) =>
      refusals.add({ host, port: 80, via: 'http' }, { ruleId, reason: '', hint: '' });
    const flood = () => Array.from({ length: 200 }, (_, at) => add(`no${at}.test`, 'egress.host'));
    flood();
    add('169.254.169.254', 'egress.address');
    flood();
    expect(told).toHaveLength(51);
    expect(told.at(-1)).toMatchObject({ host: '169.254.169.254' });
    expect(refusals.list().filter(({ ruleId }) => ruleId === 'egress.address')).toHaveLength(1);
    expect([heard, untold]).toEqual([401, []]);
    refusals.close();
    refusals.close();
    expect(untold).toEqual([350]);
  });
});

/** Remembers for how long somebody wanted to sleep. */
class NotedClock extends HeldClock {
  readonly slept: number[] = [];

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    return super.sleep(ms, signal);
  }
}

async function roundTrip(port: number): Promise<void> {
  const socket = await dialPort(port);
  socket.end('x');
  socket.resume();
  await once(socket, 'close');
}

/** It may be over before the client knows that it was there. */
async function turnedAway(port: number): Promise<void> {
  await dialPort(port).then(outcomeOf, () => undefined);
}
