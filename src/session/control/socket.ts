import { chmodSync, lstatSync, rmSync, type Stats } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { SessionError } from '../../core/errors.js';
import type { Claim } from './claim.js';

/** Longest path of a Unix socket on Linux (sun_path), without the NUL. */
export const maxSocketPathBytes = 107;
/** Whoever has more to say waits its turn in the kernel's queue. */
const maxConnections = 256;

/** Connects; undefined when nobody listens there. */
export function connectTo(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path, allowHalfOpen: false });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/** Refuses a path that no socket can have. Errors: STATE_UNWRITABLE. */
export function refuseLongPath(path: string): void {
  if (Buffer.byteLength(path) <= maxSocketPathBytes) return;
  throw new SessionError('STATE_UNWRITABLE', `the path of the control socket is too long: ${path}`, {
    hint: `A Unix socket’s path has at most ${maxSocketPathBytes} bytes: set runtime_dir to a shorter path.`,
  });
}

/**
 * Listens at a claimed path. Its folder must be one that only the caller can enter, which is what keeps others away. A socket that an
 * earlier holder left is replaced; anything else there is not ours to remove. Errors: STATE_UNWRITABLE.
 */
export async function listenAt({ path }: Claim, onConnection: (socket: Socket) => void): Promise<AsyncDisposable> {
  refuseLongPath(path);
  refuseOpenFolder(dirname(path));
  removeOldSocket(path);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new SessionError('STATE_UNWRITABLE', `cannot listen at ${path}`, { cause }));
    });
    server.listen(path, resolve);
  });
  // Nobody should live on for the sake of visitors.
  server.unref();
  chmodSync(path, 0o600);
  return { [Symbol.asyncDispose]: () => close(server, sockets) };
}

function refuseOpenFolder(folder: string): void {
  const status = statusOf(folder);
  const isOurs = status?.isDirectory() === true && status.uid === process.geteuid?.();
  if (isOurs && (status.mode & 0o077) === 0) return;
  throw new SessionError('STATE_UNWRITABLE', `${folder} is not a folder of yours alone`, {
    hint: `Run \`chmod 700 ${folder}\` if it is yours, or set runtime_dir to a folder that is.`,
  });
}

function removeOldSocket(path: string): void {
  const status = statusOf(path);
  if (status === undefined) return;
  if (!status.isSocket()) {
    throw new SessionError('STATE_UNWRITABLE', `${path} is there already and is no socket`, {
      hint: 'See who put it there, and remove it.',
    });
  }
  rmSync(path, { force: true });
}

/** Undefined where nothing can be seen: then listening there tells why. */
function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  // Node takes the name away with it.
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const socket of sockets) socket.destroy();
  await closed;
}
