import { SandboxError } from '../../core/errors.js';
import { sortInTurns, Turns } from '../../kit/turns.js';
import { askInside, type RunInside, shown } from './inside.js';
import { type FileStatus, parseStatus } from './status.js';

/** One entry of a tree in a sandbox. Names are bytes: not every one is text. */
export interface ListedFile extends FileStatus {
  /** Relative to the folder that was listed. */
  readonly path: Buffer;
  /** Where a link leads. */
  readonly target?: Buffer;
  /** A folder that the sandbox's user may not look into; nothing of what is in it is listed. */
  readonly isClosed: boolean;
}

export interface Listing {
  /** Sorted by the bytes of their paths. */
  readonly files: readonly ListedFile[];
  /** There is more than one listing takes: 50,000 entries, or 8 MiB of names. */
  readonly isCut: boolean;
}

const mostEntries = 50_000;
const mostNameBytes = 8 * 1024 ** 2;

/** Lists a folder down to `depth` (1: only what is in it); links are listed and not followed. Errors: those of `askInside`. */
export async function listInside(run: RunInside, path: string, depth: number, signal?: AbortSignal): Promise<Listing> {
  const argv = ['--file-list', path, String(depth), String(mostEntries), String(mostNameBytes)];
  const { head, body } = await askInside(run, { path, argv, mostBytes: mostNameBytes + 4096, signal });
  const status = parseStatus(head)?.status;
  if (status !== undefined && status.type !== 'folder') {
    throw new SandboxError('FILE_KIND', `${shown(path)} is no folder`, { hint: 'Read it with read_file.' });
  }
  const listing = status === undefined ? undefined : await parseListing(body, signal);
  if (listing === undefined) {
    throw new SandboxError('FILES_UNAVAILABLE', `what the sandbox says of ${shown(path)} can't be read`);
  }
  return listing;
}

/** Undefined when it is not what the program inside writes. Others go on meanwhile. Errors: those of the signal. */
export async function parseListing(body: Buffer, signal?: AbortSignal): Promise<Listing | undefined> {
  const turns = new Turns(signal);
  const files: ListedFile[] = [];
  for (let at = 0; at < body.length; ) {
    if (turns.isDue) await turns.give();
    const middle = body.indexOf(0, at);
    const end = middle < 0 ? -1 : body.indexOf(0, middle + 1);
    if (end < 0) return undefined;
    const record = body.subarray(at, middle);
    at = end + 1;
    // The last one says whether it is all; nothing comes after it.
    const last = record.toString('latin1');
    if (last === 'e all' || last === 'e cut') {
      if (at < body.length) return undefined;
      return { files: await sortInTurns(files, turns, byPath), isCut: last === 'e cut' };
    }
    const file = parseFile(record, body.subarray(middle + 1, end));
    if (file === undefined || files.length === mostEntries) return undefined;
    files.push(file);
  }
  return undefined;
}

function parseFile(record: Buffer, target: Buffer): ListedFile | undefined {
  const parsed = parseStatus(record.toString('latin1'));
  const found = /^(\d{1,4}) (.+)$/s.exec(parsed?.rest ?? '');
  if (parsed === undefined || found === null) return undefined;
  const [, why = '', name = ''] = found;
  const isLink = parsed.status.type === 'link';
  return {
    ...parsed.status,
    path: Buffer.from(name, 'latin1'),
    ...(isLink ? { target: Buffer.from(target) } : {}),
    isClosed: why !== '0',
  };
}

function byPath(one: ListedFile, other: ListedFile): number {
  return Buffer.compare(one.path, other.path);
}
