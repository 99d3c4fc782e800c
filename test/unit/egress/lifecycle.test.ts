import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openEgress } from '../../../src/egress/egress.js';
import { type Clock, systemClock } from '../../../src/kit/clock.js';
import { dialPort, outcomeOf, readBytes, restOf, socksRequest, tunnelTo } from './support/client.js';
import { kinds, listenOn, loopback, openRig } from './support/rig.js';
import { openEcho, openPages, openTlsEcho, tlsOver } from './support/servers.js';

const never = () => new Promise<never>(() => undefined);
const spec = { allow: [], connections: 10, bytes: 2 ** 40, bytesPerSecond: 2 ** 40 };

/** Counts who sleeps. */
class CountingClock implements Clock {
  readonly now = () => systemClock.now();
  readonly monotonic = () => systemClock.monotonic();
  asleep = 0;

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.asleep += 1;
    try {
      await systemClock.sleep(ms, signal);
    } finally {
      this.asleep -= 1;
    }
  }
}

describe.each(kinds)('the end of the ways out, over a %s', (kind) => {
  it('leaves no connection and no timer, wherever each connection was', async () => {
    const clock = new CountingClock();
    await using echo = await openEcho();
    await using tls = await openTlsEcho();
    await using pages = await openPages(() => undefined);
    const ports = [echo.port, tls.port, pages.port];
    const allow = [
      ...[`tcp://allowed.test:${echo.port}`, `https://allowed.test:${tls.port}`, `http://allowed.test:${pages.port}`],
      ...['silent.test', ...ports.flatMap((port) => [...loopback(port), ...loopback(port, 'tcp://')])],
    ];
    let asked = 0;
    const ask = () => {
      asked += 1;
      return never();
    };
    const looked: string[] = [];
    const lookup = (name: string) => {
      looked.push(name);
      return name === 'silent.test' ? never() : Promise.resolve(['127.0.0.1']);
    };
    const rig = await openRig({ kind, clock, allow, ask, lookup });
    const timersBefore = timers();
    const head = (authority: string) => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
    const sockets: Socket[] = await Promise.all([
      sending(rig.httpPort, ''),
      sending(rig.httpPort, 'GET http://allowed'),
      sending(rig.socksPort, Buffer.from([5])),
      sending(rig.socksPort, Buffer.concat([Buffer.from([5, 1, 0]), socksRequest('silent.test', 443)])),
      sending(rig.httpPort, head('silent.test:443')),
      sending(rig.httpPort, head('unknown.test:443')),
      sending(rig.httpPort, `GET http://allowed.test:${pages.port}/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n`),
      tunnelTo(rig.httpPort, `allowed.test:${echo.port}`),
      tunnelTo(rig.httpPort, `allowed.test:${tls.port}`),
    ]);
    const secure = await tunnelTo(rig.httpPort, `allowed.test:${tls.port}`);
    const handshake = await tlsOver(secure, 'allowed.test');
    handshake.on('error', () => undefined);
    const state = () => [rig.egress.usage.connections, pages.requests.length, asked, looked.includes('silent.test')];
    await expect.poll(state, { interval: 2 }).toEqual([10, 1, 1, true]);
    const outcomes = sockets.map(outcomeOf);
    await rig[Symbol.asyncDispose]();
    expect(rig.egress.usage.connections).toBe(0);
    await Promise.all(outcomes);
    await expect.poll(() => echo.sockets.size, { interval: 2 }).toBe(0);
    await expect.poll(() => [clock.asleep, timers() <= timersBefore], { interval: 2 }).toEqual([0, true]);
    handshake.destroy();
  });

  it('turns away who comes by a connection that was accepted already', async () => {
    const accept: ((connection: Duplex) => void)[] = [];
    const listen = (_port: number, onConnection: (connection: Duplex) => void) => {
      accept.push(onConnection);
      return Promise.resolve({ [Symbol.dispose]: () => undefined });
    };
    const egress = await openEgress({ listen, spec, clock: systemClock, onRefusal: () => undefined });
    await egress[Symbol.asyncDispose]();
    for (const one of accept) {
      const late = new Duplex({ read: () => undefined });
      one(late);
      expect(late.destroyed).toBe(true);
    }
    expect(egress.usage.total).toBe(0);
  });
});

describe('ways out of which the second can’t be had', () => {
  it('are none: the first is closed again, and whoever came by it already', async () => {
    const clock = new CountingClock();
    const taken = new Error('the port is taken');
    const early: Promise<string>[] = [];
    let closed = 0;
    const opened = openEgress({
      listen: async (_port, onConnection) => {
        if (early.length > 0) throw taken;
        const listener = await listenOn(0, onConnection);
        const socket = await dialPort(listener.port);
        early.push(restOf(socket));
        await expect.poll(() => listener.accepted, { interval: 2 }).toBe(1);
        return {
          [Symbol.dispose]: () => {
            closed += 1;
            listener.server.close();
          },
        };
      },
      ...{ spec, clock, onRefusal: () => undefined },
    });
    await expect(opened).rejects.toBe(taken);
    expect(closed).toBe(1);
    expect(await early[0]).toBe('');
    await expect.poll(() => clock.asleep, { interval: 2 }).toBe(0);
  });

  it('and with a rule that is none nothing is opened at all', async () => {
    let listened = 0;
    const listen = () => {
      listened += 1;
      return never();
    };
    const bad = { listen, clock: systemClock, onRefusal: () => undefined, spec: { ...spec, allow: ['not a rule'] } };
    await expect(openEgress(bad)).rejects.toMatchObject({ code: 'POLICY_DENIED', ruleId: 'egress.rule' });
    expect(listened).toBe(0);
  });
});

describe('a connection that is gone', () => {
  it('takes its attempt at an address with it', async () => {
    const attempts: AbortSignal[] = [];
    const connect = (_address: unknown, _port: number, signal: AbortSignal) => {
      attempts.push(signal);
      return never();
    };
    await using rig = await openRig({ connect, allow: ['allowed.test:443', ...loopback(443)] });
    const socket = await sending(rig.httpPort, 'CONNECT allowed.test:443 HTTP/1.1\r\nHost: allowed.test\r\n\r\n');
    await expect.poll(() => attempts.length, { interval: 2 }).toBe(1);
    socket.resetAndDestroy();
    await expect.poll(() => [attempts[0]?.aborted, rig.egress.usage.connections], { interval: 2 }).toEqual([true, 0]);
  });

  it('takes the server’s side of its tunnel with it, also where it was read no further', async () => {
    await using server = await listenOn(0, (socket) => {
      const more = () => socket.write(Buffer.alloc(65_536), () => setImmediate(more));
      more();
    });
    await using rig = await openRig({
      allow: [`tcp://allowed.test:${server.port}`, ...loopback(server.port, 'tcp://')],
    });
    const socket = await tunnelTo(rig.httpPort, `allowed.test:${server.port}`);
    await readBytes(socket, 1000);
    socket.pause();
    socket.resetAndDestroy();
    await expect.poll(() => [server.sockets.size, rig.egress.usage.connections], { interval: 2 }).toEqual([0, 0]);
  });
});

async function sending(port: number, bytes: string | Buffer): Promise<Socket> {
  const socket = await dialPort(port);
  socket.on('error', () => undefined);
  if (bytes.length > 0) socket.write(bytes);
  return socket;
}

/** Those that would keep the process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}
