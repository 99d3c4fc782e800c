import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { builtInit } from './support/compiled.js';
import { from, NativeInit, type Peer, to, u16 } from './support/peer.js';

const init = builtInit();
const FIRST_CONNECTION = 2 ** 31;
const ECONNREFUSED = 111;
const EMFILE = 24;

async function serving(): Promise<{ server: Server; port: number; first: Promise<Socket> }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined));
  const first = once(server, 'connection').then(([socket]) => socket as Socket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, first };
}

async function dialled(peer: Peer, id: number, port: number) {
  const before = peer.of(from.DIALLED, id).length;
  peer.send(to.DIAL, id, u16(port));
  const { payload } = await peer.until(() => peer.of(from.DIALLED, id)[before]);
  return { errno: payload.readUInt32LE(0), connection: payload.readUInt32LE(4) };
}

describe('a dial of process 1', () => {
  it('connects to a port on 127.0.0.1 and carries both ways', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const { server, port, first } = await serving();
    expect(await dialled(peer, 1, port)).toEqual({ errno: 0, connection: FIRST_CONNECTION });
    peer.send(to.CONNECTION_DATA, FIRST_CONNECTION, Buffer.from('question'));
    peer.send(to.CONNECTION_END, FIRST_CONNECTION);
    const socket = await first;
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    expect(Buffer.concat(chunks).toString()).toBe('question');
    socket.end('answer');
    await peer.frame(from.CONNECTION_END, FIRST_CONNECTION);
    expect(peer.of(from.CONNECTION_DATA, FIRST_CONNECTION)[0]?.payload.toString()).toBe('answer');
    server.close();
  });

  it('says that nobody listens, and takes the same id again', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const { server, port } = await serving();
    server.close();
    await once(server, 'close');
    expect(await dialled(peer, 1, port)).toEqual({ errno: ECONNREFUSED, connection: 0 });
    const again = await serving();
    expect(await dialled(peer, 1, again.port)).toEqual({ errno: 0, connection: FIRST_CONNECTION });
    native[Symbol.dispose]();
    again.server.close();
  });

  it('is reset by the holder', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const { server, port, first } = await serving();
    const { connection } = await dialled(peer, 1, port);
    const socket = await first;
    const closed = new Promise((resolve) => socket.on('close', resolve));
    peer.send(to.CONNECTION_RESET, connection);
    expect(await closed).toBe(true);
    server.close();
  });

  it('says so when the table of connections is full', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const { server, port } = await serving();
    for (let id = 1; id <= 256; id++) expect((await dialled(peer, id, port)).errno).toBe(0);
    expect(await dialled(peer, 257, port)).toEqual({ errno: EMFILE, connection: 0 });
    peer.send(to.CONNECTION_RESET, FIRST_CONNECTION);
    expect(await dialled(peer, 258, port)).toEqual({ errno: 0, connection: FIRST_CONNECTION + 256 });
    native[Symbol.dispose]();
    server.close();
  });

  it.each([
    ['of the port 0', u16(0)],
    ['without a port', Buffer.alloc(0)],
    ['with more than a port', u16(80, 80)],
  ])('%s is a violation', async (_, payload) => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    peer.send(to.DIAL, 1, payload);
    expect((await peer.frame(from.BYE)).payload.readUInt32LE(0)).toBe(2);
  });
});
