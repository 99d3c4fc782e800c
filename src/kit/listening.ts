import { closeSync, constants, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { codeOf } from './error-code.js';

const patienceMs = 2000;

/**
 * Whether somebody may listen at a Unix socket: all but a socket there that refuses. Where there is none, it may be out of sight or have been taken away; who does
 * not answer in two seconds may only be busy.
 */
export async function mayListen(path: string): Promise<boolean> {
  try {
    using folder = openedFolder(path);
    return await isTakenUp(folder.shortPath);
  } catch {
    return true;
  }
}

/** Listens at a Unix socket, for `mayListen` alone, until it is disposed of; the socket goes then. Errors: of the system. */
export async function listenMutely(path: string): Promise<AsyncDisposable> {
  const folder = openedFolder(path);
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(folder.shortPath, resolve);
    });
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
  server.unref();
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          folder[Symbol.dispose]();
          resolve();
        });
      }),
  };
}

function isTakenUp(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(patienceMs, () => done(true));
    socket.once('connect', () => done(true));
    socket.once('error', (error) => done(codeOf(error) !== 'ECONNREFUSED'));
  });
}

/** A socket's path has at most 107 bytes, a folder's may have more: by its descriptor any is short. */
function openedFolder(path: string): Disposable & { readonly shortPath: string } {
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return { shortPath: join('/proc/self/fd', String(fd), basename(path)), [Symbol.dispose]: () => closeSync(fd) };
}
