import { PaddockError } from '../core/errors.js';
import type { OpenFolder } from '../kit/open-folder.js';
import { isNoProgram, runWithFolders } from '../kit/run-with-folders.js';

/** A disk that takes longer hangs. */
const withinMs = 600_000;
const mib = 1024 ** 2;
/** A line every half second. */
const mostWords = 128 * 1024;

export interface CopyOptions {
  /** paddock-init, as a program of this host: Node can make no whiteouts, and read no attributes. */
  readonly program: string;
  /** The most content to copy, in bytes; where the file system can share it, none is copied. */
  readonly mostBytes: number;
  readonly mostEntries: number;
  readonly signal: AbortSignal;
  /** Told from time to time how far it is. */
  readonly onProgress?: ((soFar: Pick<CopiedLayer, 'entries' | 'bytes'>) => void) | undefined;
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
export function copyLayer(from: OpenFolder, to: OpenFolder, options: CopyOptions): Promise<CopiedLayer> {
  return copied(from, to, { ...options, way: 'all' });
}

/** The same for some of what is in a folder, as `plan` says (src/init/layer-plan.h): no mark in there is the kernel's, those that are asked for are made. */
export function copyChosen(from: OpenFolder, to: OpenFolder, plan: Buffer, options: CopyOptions): Promise<CopiedLayer> {
  return copied(from, to, { ...options, way: 'chosen', input: plan });
}

/** The same over a copy of a project that nobody else touches: what marks say is gone is removed there. */
export function layOver(from: OpenFolder, to: OpenFolder, options: CopyOptions): Promise<CopiedLayer> {
  return copied(from, to, { ...options, way: 'over' });
}

interface Copying extends CopyOptions {
  readonly way: 'all' | 'chosen' | 'over';
  readonly input?: Buffer;
}

async function copied(from: OpenFolder, to: OpenFolder, options: Copying): Promise<CopiedLayer> {
  const { program, mostBytes, mostEntries, signal, onProgress, way, input } = options;
  signal.throwIfAborted();
  const both = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
  const { output } = await runWithFolders(program, {
    args: ['--copy-layer', String(Math.max(1, Math.ceil(mostBytes / mib))), String(mostEntries), way],
    ...{ folders: [from, to], signal: both, mostBytes: mostWords, input },
    onOutput: onProgress === undefined ? undefined : progressFrom(onProgress),
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw notCopied(program, cause);
  });
  const line = output.toString('latin1').trim().split('\n').at(-1) ?? '';
  const [, entries, bytes, leftOut] = /^ok (\d+) (\d+) (\d+)$/.exec(line) ?? [];
  if (entries === undefined)
    throw new PaddockError(
      'SNAPSHOT_FAILED',
      `what the session has written could not be copied: ${line.slice(0, 200)}`,
    );
  return { entries: Number(entries), bytes: Number(bytes), leftOut: Number(leftOut) };
}

/** The last of each piece is enough. */
function progressFrom(tell: NonNullable<CopyOptions['onProgress']>): (piece: Buffer) => void {
  return (piece) => {
    const [, entries, bytes] = [...piece.toString('latin1').matchAll(/^at (\d+) (\d+)$/gm)].at(-1) ?? [];
    if (entries !== undefined) tell({ entries: Number(entries), bytes: Number(bytes) });
  };
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
