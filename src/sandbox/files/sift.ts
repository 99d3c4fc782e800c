import { createHash } from 'node:crypto';
import { type Extract, extract } from 'tar-stream';
import { PaddockError } from '../../core/errors.js';
import { untilRoom } from '../../kit/until-room.js';
import { checkedEntries } from './checked-entries.js';
import type { Tally } from './tally.js';
import { endOfArchive, headOf, paddingAfter } from './tar-blocks.js';
import type { TransferBounds } from './transfer-bounds.js';

/**
 * An archive that nobody need believe as one that is plain: what may be taken of it, written anew. `top` is put before every name;
 * undefined: they stay as they are. Rejects where the archive is none, or breaks off.
 */
export async function* sift(
  archive: Extract,
  top: string | undefined,
  tally: Tally,
  bounds: TransferBounds,
): AsyncGenerator<Buffer> {
  for await (const entry of checkedEntries(archive, tally, bounds)) {
    const { names, kind, mode, mtimeMs, sizeBytes, target } = entry;
    const path = names.length === 0 ? '.' : names.join('/');
    const name = top === undefined ? path : [top, ...names].join('/');
    if (kind !== 'file') {
      yield headOf({ name, kind, mode, mtimeMs, sizeBytes: 0, target });
      if (kind === 'folder') tally.addFolder(path, mode);
      else tally.addLink(path, target);
      continue;
    }
    yield headOf({ name, kind, mode, mtimeMs, sizeBytes });
    const sha256 = createHash('sha256');
    for await (const chunk of entry.content) {
      sha256.update(chunk);
      tally.pass(chunk.length);
      yield chunk;
    }
    yield paddingAfter(sizeBytes);
    tally.addFile(path, mode, sizeBytes, sha256.digest('hex'));
  }
  yield endOfArchive();
}

/** The same of a stream of somebody's. Errors: BAD_ARGUMENT where it is no archive, or breaks off. */
export async function* siftStream(
  stream: AsyncIterable<Buffer>,
  tally: Tally,
  bounds: TransferBounds,
): AsyncGenerator<Buffer> {
  const archive = extract();
  const pieces = sift(archive, undefined, tally, bounds);
  try {
    // From here on it listens: an entry that nobody listens to is lost.
    const first = pieces.next();
    feed(archive, stream).catch((error: unknown) => archive.destroy(error instanceof Error ? error : undefined));
    for (let next = await first; next.done !== true; next = await pieces.next()) yield next.value;
  } catch (cause) {
    throw new PaddockError('BAD_ARGUMENT', 'what comes in is no plain tar archive, or breaks off', { cause });
  } finally {
    archive.destroy();
  }
}

async function feed(archive: Extract, stream: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of stream) {
    if (archive.destroyed) return;
    if (!archive.write(chunk)) await untilRoom(archive);
  }
  archive.end(undefined);
}
