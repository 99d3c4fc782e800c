import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Connect, connectTcp, dial } from '../../../src/egress/dial.js';
import { LookupTurns } from '../../../src/egress/lookup-turns.js';
import { Resolver } from '../../../src/egress/resolve.js';
import { systemClock } from '../../../src/kit/clock.js';
import { type Deferred, deferred } from '../../../src/kit/deferred.js';
import { readAddress } from '../../../src/policy/egress/address.js';
import { get, readBytes, socksTo, tunnelTo } from './support/client.js';
import { loopback, openRig } from './support/rig.js';
import { openEcho } from './support/servers.js';

const signal = new AbortController().signal;
const addresses = (...texts: string[]) => texts.map((text) => readAddress(text)!);
const tunnelled = async (httpPort: number, authority: string) => {
  const socket = await tunnelTo(httpPort, authority);
  socket.write('hello');
  return (await readBytes(socket, 5)).toString();
};

describe('what is dialled', () => {
  it('may be an IPv6 address, by its name, in brackets or in the numbers of SOCKS', async () => {
    await using echo = await openEcho('::1');
    const { port } = echo;
    await using rig = await openRig({
      allow: [`tcp://allowed.test:${port}`, ...loopback(port, 'tcp://')],
      names: { 'allowed.test': [['::1']] },
    });
    expect(await tunnelled(rig.httpPort, `allowed.test:${port}`)).toBe('hello');
    expect(await tunnelled(rig.httpPort, `[::1]:${port}`)).toBe('hello');
    const numbers = Buffer.from([5, 1, 0, 4, ...Array(15).fill(0), 1, port >> 8, port & 255]);
    const { code, socket } = await socksTo(rig.socksPort, numbers);
    socket.write('hello');
    expect([code, (await readBytes(socket, 5)).toString()]).toEqual([0, 'hello']);
    expect(rig.connects.map(({ address }) => address)).toEqual(['::1', '::1', '::1']);
  });

  it.each([
    ['the same family', ['127.0.0.2', '127.0.0.1']],
    ['another family', ['::1', '127.0.0.1']],
  ])('is the second address where the first is dead, of %s', async (_, answers) => {
    await using echo = await openEcho('127.0.0.1');
    await using rig = await openRig({
      allow: [`tcp://allowed.test:${echo.port}`, ...loopback(echo.port, 'tcp://')],
      names: { 'allowed.test': [answers] },
    });
    expect(await tunnelled(rig.httpPort, `allowed.test:${echo.port}`)).toBe('hello');
    expect(rig.connects).toMatchObject([{ address: '127.0.0.1' }]);
  });

  it('is the second address where the first does not answer, and one family by turns with the other', async () => {
    const tried: string[] = [];
    await using echo = await openEcho('127.0.0.1');
    const connect: Connect = (address, port, wanted) => {
      tried.push(address.text);
      return address.text === '127.0.0.1' ? connectTcp(address, port, wanted) : new Promise(() => undefined);
    };
    const options = { connect, timeoutMs: 15, clock: systemClock };
    const all = addresses('127.0.0.3', '127.0.0.2', '127.0.0.1', '::1', '::2');
    const { address, socket } = await dial(all, echo.port, options, signal);
    socket.destroy();
    expect([address.text, tried]).toEqual(['127.0.0.1', ['127.0.0.3', '::1', '127.0.0.2', '::2', '127.0.0.1']]);
  });

  it('is nothing more once nobody wants it, and an attempt that succeeds after all is dropped', async () => {
    const late: Deferred<Duplex>[] = [];
    const connect: Connect = () => {
      const attempt = deferred<Duplex>();
      late.push(attempt);
      return attempt.promise;
    };
    const gone = new AbortController();
    const options = { connect, timeoutMs: 10_000, clock: systemClock };
    const dialled = dial(addresses('127.0.0.1', '127.0.0.2'), 9, options, gone.signal);
    gone.abort();
    await expect(dialled).rejects.toMatchObject({ name: 'AbortError' });
    expect(late).toHaveLength(1);
    await using echo = await openEcho();
    const [address] = addresses('127.0.0.1');
    const socket = await connectTcp(address!, echo.port, signal);
    late[0]?.resolve(socket);
    await expect.poll(() => socket.destroyed, { interval: 2 }).toBe(true);
  });

  it('is left in the middle when the signal fires', async () => {
    const gone = new AbortController();
    const [address] = addresses('127.0.0.1');
    await using echo = await openEcho();
    const attempt = connectTcp(address!, echo.port, gone.signal);
    gone.abort();
    await expect(attempt).rejects.toMatchObject({ kind: 'unreachable' });
    await expect(connectTcp(address!, echo.port, AbortSignal.abort())).rejects.toMatchObject({ kind: 'unreachable' });
    await expect.poll(() => echo.sockets.size, { interval: 2 }).toBe(0);
  });
});

/** Answers when the test says so. */
function openLookup(turns = new LookupTurns()) {
  const asked: (Deferred<readonly string[]> & { readonly name: string })[] = [];
  const lookup = (name: string) => {
    const answer = deferred<readonly string[]>();
    asked.push({ ...answer, name });
    return answer.promise;
  };
  return {
    asked,
    names: () => asked.map(({ name }) => name),
    resolver: new Resolver({ lookup, turns, timeoutMs: 10_000, clock: systemClock }),
  };
}

describe('look-ups of a session', () => {
  it('are two at once, and the others wait for their turn', async () => {
    const { asked, names, resolver } = openLookup();
    const answers = ['a.test', 'b.test', 'c.test', 'd.test'].map((name) => resolver.resolve(name, signal));
    expect(names()).toEqual(['a.test', 'b.test']);
    asked[1]?.resolve(['127.0.0.2']);
    expect((await answers[1])?.map(({ text }) => text)).toEqual(['127.0.0.2']);
    expect(names()).toEqual(['a.test', 'b.test', 'c.test']);
    asked[2]?.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }));
    await expect(answers[2]).rejects.toMatchObject({ kind: 'unresolved' });
    expect(names()).toHaveLength(4);
    for (const { resolve } of asked) resolve(['127.0.0.1']);
    await Promise.all([answers[0], answers[3]]);
    const later = resolver.resolve('e.test', signal);
    asked[4]?.resolve(['127.0.0.5']);
    expect(await later).toHaveLength(1);
  });

  it('are one for all who ask for the same name meanwhile, and another one later', async () => {
    const { asked, resolver } = openLookup();
    const answers = Array.from({ length: 5 }, () => resolver.resolve('a.test', signal));
    asked[0]?.resolve(['127.0.0.1', '127.0.0.1', '::1']);
    for (const answer of await Promise.all(answers))
      expect(answer.map(({ text }) => text)).toEqual(['127.0.0.1', '::1']);
    expect(asked).toHaveLength(1);
    void resolver.resolve('a.test', signal).catch(() => undefined);
    expect(asked).toHaveLength(2);
  });

  it('that nobody waits for any more do not take a turn', async () => {
    const { asked, names, resolver } = openLookup();
    const held = ['a.test', 'b.test'].map((name) => resolver.resolve(name, signal));
    const gone = new AbortController();
    const left = ['c.test', 'd.test'].map((name) => resolver.resolve(name, gone.signal));
    const shared = resolver.resolve('d.test', signal);
    gone.abort();
    for (const one of left) await expect(one).rejects.toMatchObject({ name: 'AbortError' });
    // Asked for again at once, it waits anew.
    const again = resolver.resolve('c.test', signal);
    for (const one of asked.slice()) one.resolve(['127.0.0.1']);
    await Promise.all(held);
    expect(names()).toEqual(['a.test', 'b.test', 'd.test', 'c.test']);
    for (const one of asked) one.resolve(['127.0.0.1']);
    expect(await Promise.all([shared, again])).toHaveLength(2);
  });

  it('of all sessions are two at once, and a session that has none under way goes first', async () => {
    const turns = new LookupTurns();
    const [one, other] = [openLookup(turns), openLookup(turns)];
    const mine = ['a.test', 'b.test', 'c.test'].map((name) => one.resolver.resolve(name, signal));
    const theirs = other.resolver.resolve('d.test', signal);
    expect([one.names(), other.names()]).toEqual([['a.test', 'b.test'], []]);
    one.asked[0]?.resolve(['127.0.0.1']);
    await mine[0];
    await expect.poll(other.names, { interval: 2 }).toEqual(['d.test']);
    expect(one.names()).toHaveLength(2);
    other.asked[0]?.resolve(['127.0.0.1']);
    await theirs;
    await expect.poll(one.names, { interval: 2 }).toEqual(['a.test', 'b.test', 'c.test']);
    for (const { resolve } of one.asked) resolve(['127.0.0.1']);
    await Promise.all(mine);
  });

  it('are 64 at most with those that wait, and none is begun when the session is over', async () => {
    const { asked, names, resolver } = openLookup();
    const wanted = Array.from({ length: 64 }, (_, at) => resolver.resolve(`n${at}.test`, new AbortController().signal));
    const ends = Promise.allSettled(wanted);
    await expect(resolver.resolve('more.test', signal)).rejects.toMatchObject({ kind: 'unresolved' });
    resolver.close();
    for (const { resolve } of asked) resolve(['127.0.0.1']);
    expect((await ends).filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    await expect(resolver.resolve('late.test', signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(names()).toEqual(['n0.test', 'n1.test']);
  });

  it.each([
    ['more addresses than anybody needs', Array.from({ length: 65 }, (_, at) => `127.0.1.${at}`), 'too many addresses'],
    ['none', [], 'no address'],
    ['what is none', ['127.0.0.1', 'fe80::1%lo'], 'no address'],
  ])('that give %s are not followed', async (_, answers, message) => {
    await using rig = await openRig({
      allow: ['http://allowed.test', ...loopback(80)],
      names: { 'allowed.test': [answers] },
    });
    const answer = await get(rig.httpPort, 'http://allowed.test/');
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    expect(answer).toContain(message);
    expect(rig.connects).toEqual([]);
  });
});
