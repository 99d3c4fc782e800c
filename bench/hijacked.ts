import { request } from 'node:http';
import type { Socket } from 'node:net';

/** An engine's answer that became a stream both ways. */
export interface Hijacked extends Disposable {
  /** Bytes that came, with the engine's framing; resolves at their end. */
  readonly received: Promise<number>;
  /** Resolves when the kernel has it all; half-closes. */
  send(piece: Buffer, times: number): Promise<void>;
}

/** Starts an exec as every client of the engine does, and takes the connection over. */
export function startHijacked(socketPath: string, path: string): Promise<Hijacked> {
  const body = JSON.stringify({ Detach: false, Tty: false });
  const headers = { 'content-type': 'application/json', connection: 'Upgrade', upgrade: 'tcp' };
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method: 'POST', headers });
    asked.on('error', reject);
    asked.on('response', (reply) => reject(new Error(`${path}: ${reply.statusCode}, and no upgrade`)));
    asked.on('upgrade', (_, socket: Socket, head) => resolve(taken(socket, head.length)));
    asked.end(body);
  });
}

function taken(socket: Socket, already: number): Hijacked {
  let bytes = already;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const received = new Promise<number>((resolve, reject) => {
    socket.on('end', () => resolve(bytes));
    socket.on('error', reject);
  });
  received.catch(() => undefined);
  const send = async (piece: Buffer, times: number) => {
    for (let i = 0; i < times; i += 1) {
      if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve));
    }
    await new Promise<void>((resolve) => {
      socket.end(() => resolve());
    });
  };
  return { received, send, [Symbol.dispose]: () => socket.destroy() };
}
