import { writeSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { systemCode } from './failures.js';

const retryMs = 1;

/**
 * Writes to a socket with write(2) on its descriptor. An engine closes the connection when the process has ended, read
 * its stdin or not; the write that meets this (EPIPE) makes Node destroy the socket with the output that is still
 * unread in the kernel. Written like this, only the write fails and the output can be read to its end. `done(false)`:
 * the other side takes nothing any more.
 */
export function writeDirectly(socket: Duplex, chunk: Buffer, done: (isOpen: boolean) => void, from = 0): void {
  const descriptor = socket.destroyed ? undefined : descriptorOf(socket);
  if (descriptor === undefined) {
    done(false);
    return;
  }
  let written = 0;
  try {
    written = writeSync(descriptor, chunk, from);
  } catch (thrown) {
    if (systemCode(thrown) !== 'EAGAIN') {
      done(false);
      return;
    }
  }
  if (from + written >= chunk.length) done(true);
  else setTimeout(() => writeDirectly(socket, chunk, done, from + written), retryMs);
}

function descriptorOf(socket: Duplex): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) return undefined;
  const descriptor: unknown = Reflect.get(handle, 'fd');
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined;
}

/**
 * Has a socket emit what it holds before an error destroys it. Closing with our stdin unread, the engine leaves a reset
 * behind its last output; while the reader pauses, that output waits in the socket's own buffer.
 */
export function keepUnreadOnError(socket: Duplex): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error?: Error) => {
    if (error !== undefined && !socket.destroyed) while (socket.read() !== null);
    return destroy(error);
  };
}
