import { connect, type Socket } from 'node:net';

export function dialPort(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Everything until the other side has ended or broken off. */
export function restOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.once('end', () => resolve(text)).once('close', () => resolve(text));
    socket.resume();
  });
}

/** Sends bytes, and gives everything that comes back until the end. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = await dialPort(port);
  const rest = restOf(socket);
  socket.write(bytes, 'latin1');
  const text = await rest;
  socket.destroy();
  return text;
}

/** Whether a connection was broken off, and not ended. */
export function outcomeOf(socket: Socket): Promise<'ended' | 'reset'> {
  return new Promise((resolve) => {
    let hasEnded = false;
    socket.on('error', () => undefined);
    socket.once('end', () => {
      hasEnded = true;
      socket.end();
    });
    socket.once('close', () => resolve(hasEnded ? 'ended' : 'reset'));
    socket.resume();
  });
}

/** Reads as many bytes, and leaves the rest. */
export function readBytes(socket: Socket, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const attempt = () => {
      const bytes = socket.read(count) as Buffer | null;
      if (bytes === null && !socket.readableEnded && !socket.destroyed) return;
      for (const event of ['readable', 'end', 'close'] as const) socket.off(event, attempt);
      if (bytes === null || bytes.length < count) reject(new Error(`ended early: ${bytes?.toString('latin1') ?? ''}`));
      else resolve(bytes);
    };
    socket.on('error', () => undefined);
    for (const event of ['readable', 'end', 'close'] as const) socket.on(event, attempt);
    attempt();
  });
}

const granted = 'HTTP/1.1 200 Connection established\r\n\r\n';

/** An open tunnel; rejects with what came instead. */
export async function tunnelTo(httpPort: number, authority: string): Promise<Socket> {
  const socket = await dialPort(httpPort);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  const head = await readBytes(socket, 12);
  if (head.toString() !== granted.slice(0, 12)) throw new Error(head.toString() + (await restOf(socket)));
  await readBytes(socket, granted.length - 12);
  return socket;
}

/** The answer to a CONNECT that is refused. */
export function refusedConnect(httpPort: number, authority: string): Promise<string> {
  return exchange(httpPort, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
}

export function get(httpPort: number, url: string, headers = ''): Promise<string> {
  const [, host = ''] = /^http:\/\/([^/?]*)/.exec(url) ?? [];
  return exchange(httpPort, `GET ${url} HTTP/1.1\r\nHost: ${host}\r\n${headers}Connection: close\r\n\r\n`);
}

export function socksRequest(host: string | Buffer, port: number, command = 1): Buffer {
  const name = typeof host === 'string' ? Buffer.from(host, 'latin1') : host;
  const head = Buffer.from([5, command, 0, 3, name.length]);
  return Buffer.concat([head, name, Buffer.from([port >> 8, port & 255])]);
}

/** The code of the reply, and the socket behind it. */
export async function socksTo(
  socksPort: number,
  request: Buffer,
): Promise<{ readonly code: number; readonly socket: Socket }> {
  const socket = await dialPort(socksPort);
  socket.write(Buffer.from([5, 1, 0]));
  const greeting = await readBytes(socket, 2);
  if (greeting.toString('hex') !== '0500') throw new Error(greeting.toString('hex'));
  socket.write(request);
  const reply = await readBytes(socket, 10);
  return { code: reply[1] ?? -1, socket };
}
