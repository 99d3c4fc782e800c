import { PaddockError } from '../core/errors.js';
import type { OpenFolder } from '../kit/open-folder.js';
import { isNoProgram, runWithFolders } from '../kit/run-with-folders.js';

/** A disk that takes longer hangs. */
const withinMs = 600_000;
const mib = 1024 ** 2;
const mostWords = 4096;

export interface CopyOptions {
  /** paddock-init, as a program of this host: Node can make no whiteouts, and read no attributes. */
  readonly program: string;
  /** The most content to copy, in bytes; where the file system can share it, none is copied. */
  readonly mostBytes: number;
  readonly mostEntries: number;
  readonly signal: AbortSignal;
}

export interface CopiedLayer {
  /** Files, folders, links and marks. */
  readonly entries: number;
  /** Content that was copied and not shared. */
  readonly bytes: number;
  /** Sockets, devices, and what its owner can't read: they are not in the copy. */
  readonly leftOut: number;
}

/**
 * Copies what a session has written, with the kernel's marks, into an empty folder of ours; content is shared where the file system can. Each file
 * is as it was at one moment; not all of them at the same one, where something writes meanwhile. What was copied of it stays when it fails: the
 * caller removes the folder. Errors: SNAPSHOT_FAILED, INIT_MISSING, an AbortError.
 */
export async function copyLayer(from: OpenFolder, to: OpenFolder, options: CopyOptions): Promise<CopiedLayer> {
  const { program, mostBytes, mostEntries, signal } = options;
  signal.throwIfAborted();
  const args = ['--copy-layer', String(Math.max(1, Math.ceil(mostBytes / mib))), String(mostEntries)];
  const both = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
  const { output } = await runWithFolders(program, {
    args,
    folders: [from, to],
    signal: both,
    mostBytes: mostWords,
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw notCopied(program, cause);
  });
  const line = output.toString('latin1').trim();
  const [, entries, bytes, leftOut] = /^ok (\d+) (\d+) (\d+)$/.exec(line) ?? [];
  if (entries === undefined)
    throw new PaddockError(
      'SNAPSHOT_FAILED',
      `what the session has written could not be copied: ${line.slice(0, 200)}`,
    );
  return { entries: Number(entries), bytes: Number(bytes), leftOut: Number(leftOut) };
}

function notCopied(program: string, cause: unknown): PaddockError {
  if (!isNoProgram(cause)) {
    return new PaddockError('SNAPSHOT_FAILED', 'what the session has written could not be copied', { cause });
  }
  return new PaddockError(
    'INIT_MISSING',
    `${program} can not be run, and nothing else copies what a session has written`,
    {
      cause,
    },
  );
}
