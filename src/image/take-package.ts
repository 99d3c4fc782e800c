import { createHash, timingSafeEqual } from 'node:crypto';
import { constants, fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../core/errors.js';
import type { AgentPackage } from './agent-packages.js';
import type { PackageFile } from './build-context.js';

/** What a package may have as a file. The largest that is pinned has 180 MB. */
const mostBytes = 512 * 1024 ** 2;

/**
 * Copies a package into a folder of the caller's alone and refuses what is not the pinned one, to the byte. What was hashed is what was
 * copied: the file itself may be another by the time it is unpacked. No link is followed, and no FIFO waited for. Throws AGENT_NOT_FETCHED, INTERRUPTED.
 */
export async function takePackage(file: PackageFile, folder: string, signal: AbortSignal): Promise<PackageFile> {
  const { package: wanted, path } = file;
  const [algorithm = '', ...digest] = wanted.integrity.split('-');
  const copy = join(folder, `${wanted.agent}.taken`);
  let found: Buffer;
  try {
    found = await copyHashed(path, copy, algorithm, signal);
  } catch (cause) {
    if (signal.aborted) throw new PaddockError('INTERRUPTED', `reading ${path} was cancelled`, { cause });
    const why = cause instanceof RangeError ? `: ${cause.message}` : '';
    throw new PaddockError('AGENT_NOT_FETCHED', `no package of ${wanted.agent} can be read at ${path}${why}`, {
      cause,
    });
  }
  const pinned = Buffer.from(digest.join('-'), 'base64');
  if (found.length === pinned.length && timingSafeEqual(found, pinned)) return { package: wanted, path: copy };
  throw notPinned(path, wanted, found);
}

async function copyHashed(path: string, copy: string, algorithm: string, signal: AbortSignal): Promise<Buffer> {
  const hash = createHash(algorithm);
  await using source = await openRegular(path);
  await using target = await open(copy, 'wx', 0o600);
  const buffer = Buffer.alloc(1024 ** 2);
  // It may grow meanwhile.
  for (let taken = 0; taken <= mostBytes; ) {
    signal.throwIfAborted();
    const { bytesRead } = await source.read(buffer);
    if (bytesRead === 0) break;
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    await target.appendFile(piece);
    taken += bytesRead;
  }
  return hash.digest();
}

async function openRegular(path: string): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const found = fstatSync(handle.fd);
  if (found.isFile() && found.size <= mostBytes) return handle;
  await handle.close();
  throw new RangeError(found.isFile() ? 'it is larger than any that is known' : 'it is no regular file');
}

function notPinned(path: string, { name, version }: AgentPackage, found: Buffer): PaddockError {
  return new PaddockError(
    'AGENT_NOT_FETCHED',
    `${path} is not ${name}@${version}: its sha512 is ${found.toString('base64')}`,
    { hint: 'Remove it, and from the cache of npm (`npm cache clean --force`), then call again.' },
  );
}
