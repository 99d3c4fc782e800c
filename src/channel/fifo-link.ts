import { close, constants, fstatSync, openSync, renameSync } from 'node:fs';
import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PaddockError } from '../core/errors.js';
import { Disposables } from '../kit/disposables.js';
import type { ChannelLink } from './link.js';
import { StreamLink, type StreamLinkOptions } from './stream-link.js';

const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW, S_IFMT, S_IFIFO } = constants;
// Numbers and not FileHandles: the sockets own the descriptors, and a collected FileHandle would close them.
const closeDescriptor = promisify(close);
/**
 * One buffer for all that is read: with one for each 64 KiB bulk output keeps V8 collecting its whole heap, fifty times in 256 MiB.
 * Of a session that says little only its first pages are in memory.
 */
const readBytes = 256 * 1024;

export interface FifoLinkOptions {
  /**
   * Where the names go once process 1 has both pipes open, on the same filesystem and not shown inside: no name must
   * lead to them when the first foreign program runs. `reopenFifoLink` finds them there.
   */
  readonly hostFolder: string;
}

/**
 * The two FIFOs `in` and `out` of `folder` (made by `paddock-init --mkfifo`), opened before process 1 is started. Both
 * opposite ends are held too until it has said HELLO: without them `in` could not be opened and `out` would be at its
 * end. Throws CHANNEL_UNAVAILABLE when something there is not a FIFO of ours alone (mode 0600, one name).
 */
export async function openFifoLink(folder: string, options: FifoLinkOptions): Promise<ChannelLink> {
  const names = { in: join(folder, 'in'), out: join(folder, 'out') };
  await using opened = new Disposables();
  await using standIns = new Disposables();
  const out = openEnd(opened, names.out, O_RDONLY);
  const outStandIn = openEnd(standIns, names.out, O_WRONLY);
  const inStandIn = openEnd(standIns, names.in, O_RDONLY);
  const into = openEnd(opened, names.in, O_WRONLY);
  if (out.inode !== outStandIn.inode || into.inode !== inStandIn.inode) {
    throw unavailable(`the pipes in ${folder} were changed while they were opened`);
  }
  const held = standIns.move();
  return toLink(opened, out.fd, into.fd, {
    release: () => held[Symbol.asyncDispose](),
    confirm: async () => {
      await held[Symbol.asyncDispose]();
      renameSync(names.in, join(options.hostFolder, 'in'));
      renameSync(names.out, join(options.hostFolder, 'out'));
    },
  });
}

/**
 * The pipes of a detached sandbox whose holder is gone, by the names that `openFifoLink` moved to `hostFolder`. Throws
 * SESSION_ENDED when no process 1 has them open any more.
 */
export async function reopenFifoLink(hostFolder: string): Promise<ChannelLink> {
  await using opened = new Disposables();
  const into = openEnd(opened, join(hostFolder, 'in'), O_WRONLY);
  const out = openEnd(opened, join(hostFolder, 'out'), O_RDONLY);
  return toLink(opened, out.fd, into.fd, { resumes: true });
}

interface OpenEnd {
  readonly fd: number;
  /** Device and inode. */
  readonly inode: string;
}

/** Node opens everything close-on-exec. */
function openEnd(opened: Disposables, path: string, access: number): OpenEnd {
  const fd = openNow(path, access | O_NONBLOCK | O_NOFOLLOW);
  opened.defer(() => closeDescriptor(fd));
  const { mode, uid, nlink, dev, ino } = fstatSync(fd);
  const isOurs = uid === process.geteuid?.() && (mode & 0o7777) === 0o600 && nlink === 1;
  if ((mode & S_IFMT) !== S_IFIFO || !isOurs) throw unavailable(`${path} is not a FIFO of ours alone`);
  return { fd, inode: `${dev}:${ino}` };
}

/** A FIFO that is not waited for, in a folder in memory: no reason for a turn through the thread pool. */
function openNow(path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENXIO') {
      throw new PaddockError('SESSION_ENDED', `process 1 of the sandbox has ${path} not open any more`);
    }
    throw unavailable(`${path} can't be opened`, error);
  }
}

/** From here on the sockets own the descriptors. */
function toLink(opened: Disposables, out: number, into: number, options: StreamLinkOptions): ChannelLink {
  opened.move();
  let onChunk: (chunk: Buffer) => void = () => undefined;
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  const onread = {
    buffer,
    callback: (bytes: number) => {
      onChunk(buffer.subarray(0, bytes));
      return true;
    },
  };
  const reading: SocketConstructorOpts & ConnectOpts = { fd: out, readable: true, writable: false, onread };
  const readable = new Socket(reading);
  // It reads from the beginning, and there is nobody yet to give that to.
  readable.pause();
  const writable = new Socket({ fd: into, readable: false, writable: true });
  return new StreamLink(readable, writable, {
    ...options,
    onChunks: (listener) => {
      onChunk = listener;
      readable.resume();
    },
  });
}

function unavailable(message: string, cause?: unknown): PaddockError {
  return new PaddockError('CHANNEL_UNAVAILABLE', message, { cause });
}
