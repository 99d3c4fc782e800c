import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { builtInit } from './support/compiled.js';
import { from, NativeInit, type Peer, to, u16, u32 } from './support/peer.js';

const init = builtInit();
const FIRST_CONNECTION = 2 ** 31;
const EADDRINUSE = 98;
const CONNECTION = 3;

async function listening(peer: Peer, id = 1, port = 0) {
  peer.send(to.LISTEN, id, u16(port));
  const { payload } = await peer.frame(from.LISTENING, id);
  return { errno: payload.readUInt32LE(0), port: payload.readUInt16LE(4) };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const received = (peer: Peer, id: number) =>
  Buffer.concat(peer.of(from.CONNECTION_DATA, id).map((each) => each.payload));

describe('a listener of process 1', () => {
  it('carries a connection both ways and ends each way by itself', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const socket = await connected((await listening(peer)).port);
    const id = FIRST_CONNECTION;
    expect((await peer.frame(from.ACCEPTED, id)).payload.readUInt32LE(0)).toBe(1);
    socket.end('question');
    await peer.frame(from.CONNECTION_END, id);
    expect(received(peer, id).toString()).toBe('question');
    peer.send(to.CONNECTION_DATA, id, Buffer.from('answer'));
    peer.send(to.CONNECTION_END, id);
    expect((await buffer(socket)).toString()).toBe('answer');
  });

  it('sends no more than the window, and goes on when it is opened', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const socket = await connected((await listening(peer)).port);
    const id = FIRST_CONNECTION;
    const bytes = randomBytes(1_000_000);
    socket.end(bytes);
    await peer.until(() => received(peer, id).length >= 131_072 || undefined);
    peer.send(to.PING);
    await peer.frame(from.PONG);
    expect(received(peer, id)).toHaveLength(131_072);
    let credited = 0;
    await peer.until(() => {
      const come = received(peer, id).length;
      if (come > credited) peer.send(to.CREDIT, id, u32(come - credited), CONNECTION);
      credited = come;
      return peer.of(from.CONNECTION_END, id)[0];
    });
    expect(received(peer, id).equals(bytes)).toBe(true);
  });

  it('takes no more than the window, and says when there is room again', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const socket = await connected((await listening(peer)).port);
    const id = FIRST_CONNECTION;
    await peer.frame(from.ACCEPTED, id);
    const bytes = randomBytes(65_536);
    peer.send(to.CONNECTION_DATA, id, bytes);
    peer.send(to.CONNECTION_DATA, id, bytes);
    const credited = () => peer.of(from.CREDIT, id).reduce((sum, each) => sum + each.payload.readUInt32LE(0), 0);
    await peer.until(() => credited() === 131_072 || undefined);
    peer.send(to.CONNECTION_END, id);
    expect((await buffer(socket)).equals(Buffer.concat([bytes, bytes]))).toBe(true);
  });

  it('resets from either side', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const { port } = await listening(peer);
    const first = await connected(port);
    await peer.frame(from.ACCEPTED, FIRST_CONNECTION);
    const closed = new Promise((resolve) => first.on('close', resolve));
    peer.send(to.CONNECTION_RESET, FIRST_CONNECTION);
    // With an error, and not as if the other side had come to its end.
    expect(await closed).toBe(true);
    // Frames that have crossed with the end of a connection are dropped.
    peer.send(to.CONNECTION_DATA, FIRST_CONNECTION, Buffer.from('late'));
    const second = await connected(port);
    await peer.frame(from.ACCEPTED, FIRST_CONNECTION + 1);
    second.resetAndDestroy();
    await peer.frame(from.CONNECTION_RESET, FIRST_CONNECTION + 1);
  });

  it('says why it can not listen, and forgets it', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const { port } = await listening(peer);
    expect(await listening(peer, 2, port)).toMatchObject({ errno: EADDRINUSE });
    peer.send(to.UNLISTEN, 2);
    peer.send(to.UNLISTEN, 1);
    expect(await listening(peer, 3, port)).toEqual({ errno: 0, port });
  });

  it('is had again at once where a connection was ended from outside, and where one is open still', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const { port } = await listening(peer);
    const [ended, open] = [await connected(port), await connected(port)];
    const all = buffer(ended);
    await peer.frame(from.ACCEPTED, FIRST_CONNECTION + 1);
    peer.send(to.CONNECTION_END, FIRST_CONNECTION);
    await all;
    ended.end();
    await peer.frame(from.CONNECTION_END, FIRST_CONNECTION);
    peer.send(to.UNLISTEN, 1);
    expect(await listening(peer, 2, port)).toEqual({ errno: 0, port });
    expect(await listening(peer, 3, port)).toMatchObject({ errno: EADDRINUSE });
    open.destroy();
  });

  it('leaves its connections when it is closed, and closes what is more than the table holds', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const { port } = await listening(peer);
    const sockets = await Promise.all(Array.from({ length: 256 }, () => connected(port)));
    await peer.frame(from.ACCEPTED, FIRST_CONNECTION + 255);
    const refused = await connected(port);
    expect(await buffer(refused)).toHaveLength(0);
    peer.send(to.UNLISTEN, 1);
    peer.send(to.CONNECTION_DATA, FIRST_CONNECTION, Buffer.from('still there'));
    peer.send(to.CONNECTION_END, FIRST_CONNECTION);
    const answers = sockets.map(async (socket) => String(await once(socket, 'data')));
    expect(await Promise.race(answers)).toBe('still there');
    for (const socket of sockets) socket.destroy();
  });
});
