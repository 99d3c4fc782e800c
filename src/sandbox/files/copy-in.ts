import { once } from 'node:events';
import { Readable } from 'node:stream';
import { PaddockError, SandboxError } from '../../core/errors.js';
import { type CopyOptions, hostFailure } from './copy-out.js';
import { gathered } from './gathered.js';
import { askInside, type RunInside, shown } from './inside.js';
import { type FileType, parseStatus } from './status.js';

const timeoutMs = 600_000;
const mostNotesBytes = 1024 ** 2;
/** Each of 256 KiB or a little more. */
const piecesAhead = 2;

/** What is at a path inside, links followed; undefined where nothing is. Errors: those of `askInside`. */
export async function kindInside(run: RunInside, path: string, signal?: AbortSignal): Promise<FileType | undefined> {
  const argv = ['--file-read', path, 'bytes', '0', '0'];
  try {
    const { head } = await askInside(run, { path, argv, mostBytes: 0, signal });
    return parseStatus(head)?.status.type;
  } catch (error) {
    if (error instanceof PaddockError && error.code === 'NO_SUCH_FILE') return undefined;
    throw error;
  }
}

/** What was made of an archive inside. */
export interface MadeInside {
  readonly entries: number;
  readonly bytes: number;
}

/** Has an archive, whose names begin with `top`, unpacked into a folder of the sandbox that is there. Errors: those of `askInside`, and of `pieces`. */
export async function copyIn(
  run: RunInside,
  folder: string,
  pieces: AsyncIterable<Buffer>,
  {
    tally,
    signal,
    overwrite,
    top = '',
  }: Omit<CopyOptions, 'bounds'> & { readonly overwrite: boolean; readonly top?: string | undefined },
): Promise<MadeInside> {
  let failure: unknown;
  // As objects: else all that waits is copied into one piece each time it is read.
  const stdin = Readable.from(gathered(pieces), { highWaterMark: piecesAhead });
  // The other side finds an archive that breaks off, and says so.
  stdin.on('error', (error) => {
    failure ??= error;
  });
  const argv = ['--file-unpack', folder, overwrite ? 'overwrite' : '-'];
  try {
    const answer = await askInside(run, { path: folder, argv, mostBytes: mostNotesBytes, stdin, timeoutMs, signal });
    return made(answer.body.toString('utf8').split('\0'), { folder, tally, top });
  } catch (error) {
    throw failure === undefined ? error : (hostFailure(failure) ?? failure);
  } finally {
    await ended(stdin);
  }
}

/** Nothing of the host is held open any more. */
async function ended(stdin: Readable): Promise<void> {
  if (stdin.closed) return;
  const closed = once(stdin, 'close');
  stdin.destroy();
  await closed.catch(() => undefined);
}

interface Unpacked {
  readonly folder: string;
  readonly tally: CopyOptions['tally'];
  readonly top: string;
}

function made(notes: readonly string[], { folder, tally, top }: Unpacked): MadeInside {
  let all: MadeInside | undefined;
  for (const note of notes) {
    const left = /^left (\d{1,4}) (.+)$/s.exec(note);
    const end = /^made (\d{1,15}) (\d{1,15})$/.exec(note);
    if (left !== null) tally.leave(below(top, left[2] ?? ''), reasonInside(Number(left[1])));
    else if (note === 'more') tally.leaveMore(1);
    else if (end !== null) all = { entries: Number(end[1]), bytes: Number(end[2]) };
  }
  if (all === undefined)
    throw new SandboxError('FILES_UNAVAILABLE', `what the sandbox says of ${shown(folder)} can't be read`);
  return all;
}

/** Relative to what was copied. */
function below(top: string, path: string): string {
  if (path === top) return '.';
  return top !== '' && path.startsWith(`${top}/`) ? path.slice(top.length + 1) : path;
}

const reasons: Readonly<Record<number, string>> = {
  1: 'refused',
  13: 'refused',
  17: 'exists',
  27: 'size',
  28: 'no-room',
  30: 'refused',
  36: 'name',
  122: 'no-room',
};

/** By the number of the kernel's error, which is the same on all Linux that we run on. */
function reasonInside(errno: number): string {
  return reasons[errno] ?? 'in-the-way';
}
