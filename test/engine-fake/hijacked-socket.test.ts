import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { keepUnreadOnError, writeDirectly } from '../../src/engine/transport/hijacked-socket.js';

describe('a taken-over socket', () => {
  it('gives out what it holds before a reset destroys it, also while its reader pauses', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'paddock-socket-'));
    const peers: Socket[] = [];
    const server = createServer({ pauseOnConnect: true }, (peer) => {
      peer.on('error', () => undefined).write(Buffer.alloc(100));
      peers.push(peer);
    });
    server.listen(join(folder, 's'));
    await once(server, 'listening');
    const socket = connect(join(folder, 's'));
    await once(socket, 'connect');
    keepUnreadOnError(socket);
    let got = 0;
    const codes: unknown[] = [];
    socket.on('error', (error) => codes.push('code' in error && error.code));
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length;
      socket.pause();
    });
    writeDirectly(socket, Buffer.alloc(1_000), (isOpen) => expect(isOpen).toBe(true));
    await expect.poll(() => got).toBe(100);
    peers[0]?.write(Buffer.alloc(5_000));
    await sleep(40);
    // Closing with bytes unread makes the kernel report a reset behind the last bytes.
    peers[0]?.destroy();
    await sleep(40);
    socket.resume();
    await expect
      .poll(() => ({ isOver: socket.destroyed, got, codes }), { timeout: 10_000 })
      .toEqual({ isOver: true, got: 5_100, codes: ['ECONNRESET'] });
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
});
