import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { Decrypter, Encrypter } from 'age-encryption';
import { PaddockError } from '../../core/errors.js';
import { OpenFolder } from '../../kit/open-folder.js';
import { randomBase32 } from '../../kit/random-id.js';
import type { SealKey } from './identities.js';

type Pieces = AsyncIterable<Uint8Array>;

/**
 * Encrypts `plain` into a file (0600), in the format of age: a key of its own for each, ChaCha20-Poly1305 piece by piece, the last of them marked. It
 * takes its name once it is on the disk and was read back whole: there is never half of one under it. Errors: STATE_UNWRITABLE, those of `plain`, an
 * AbortError.
 */
export async function writeSealedFile(path: string, key: SealKey, plain: Pieces, signal: AbortSignal): Promise<number> {
  const fresh = `${path}.${randomBase32(8)}.tmp`;
  try {
    const written = await write(fresh, key, plain, signal);
    await expectSame(fresh, key, written.digest, signal);
    await rename(fresh, path);
    await using folder = await OpenFolder.at(dirname(path));
    await folder.sync();
    return written.bytes;
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    signal.throwIfAborted();
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('STATE_UNWRITABLE', `${path} could not be written`, { cause });
  }
}

interface Written {
  readonly bytes: number;
  /** Of what was encrypted. */
  readonly digest: string;
}

async function write(path: string, key: SealKey, plain: Pieces, signal: AbortSignal): Promise<Written> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const hash = createHash('sha256');
  async function* hashed() {
    for await (const piece of plain) {
      hash.update(piece);
      yield piece;
    }
  }
  const encrypter = new Encrypter();
  encrypter.addRecipient(key.recipient);
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    let bytes = 0;
    for await (const piece of await encrypter.encrypt(toWeb(Readable.from(hashed(), { objectMode: false })))) {
      signal.throwIfAborted();
      await writeAll(file, piece);
      bytes += piece.length;
    }
    await file.sync();
    return { bytes, digest: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
}

/** What is removed next is the only other copy. */
async function expectSame(path: string, key: SealKey, digest: string, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256');
  for await (const piece of readSealedFile(path, [key], signal)) hash.update(piece);
  if (hash.digest('hex') !== digest) throw new Error('what was read back is not what was written');
}

/**
 * What is in such a file, piece by piece, each of which is authentic; that there is no more of it only the end tells. Errors: SEALED_UNREADABLE, an
 * AbortError.
 */
export async function* readSealedFile(
  path: string,
  keys: readonly SealKey[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decrypter = new Decrypter();
  for (const { identity } of keys) decrypter.addIdentity(identity.reveal());
  const source = createReadStream(path, {
    flags: constants.O_RDONLY | constants.O_NOFOLLOW,
    highWaterMark: 1 << 18,
  } as never);
  try {
    for await (const piece of await decrypter.decrypt(toWeb(source))) {
      signal.throwIfAborted();
      yield piece;
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof PaddockError
      ? cause
      : sealedUnreadable('it is not whole, or somebody has changed it', cause);
  } finally {
    source.destroy();
  }
}

export function sealedUnreadable(why: string, cause?: unknown): PaddockError {
  return new PaddockError('SEALED_UNREADABLE', `what is kept encrypted can not be used: ${why}`, { cause });
}

function toWeb(stream: Readable): ReadableStream<Uint8Array> {
  return Readable.toWeb(stream) as ReadableStream<Uint8Array>;
}
