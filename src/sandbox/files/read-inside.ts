import { SandboxError } from '../../core/errors.js';
import { askInside, type RunInside, shown } from './inside.js';
import { type FileStatus, parseStatus } from './status.js';

/** Which part of a file: from a byte on, or whole lines from the `firstLine`th (1) on. Never more than `mostBytes`. */
export type FileRange =
  | { readonly offset: number; readonly mostBytes: number }
  | { readonly firstLine: number; readonly lines: number; readonly mostBytes: number };

export interface FilePart {
  readonly status: FileStatus;
  /** Of the first byte of `bytes` in the file. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Reads a part of a regular file, links followed as any program inside would. Errors: those of `askInside`. */
export async function readInside(
  run: RunInside,
  path: string,
  range: FileRange,
  signal?: AbortSignal,
): Promise<FilePart> {
  const which =
    'offset' in range
      ? ['bytes', range.offset, range.mostBytes]
      : ['lines', range.firstLine, range.lines, range.mostBytes];
  const argv = ['--file-read', path, ...which.map(String)];
  const { head, body } = await askInside(run, { path, argv, mostBytes: range.mostBytes, signal });
  const parsed = parseStatus(head);
  const offset = Number(parsed?.rest);
  if (parsed === undefined || !Number.isSafeInteger(offset) || body.length > range.mostBytes) {
    throw new SandboxError('FILES_UNAVAILABLE', `what the sandbox says of ${shown(path)} can't be read`);
  }
  const { status } = parsed;
  if (status.type !== 'file') throw notAFile(path, status);
  return { status, offset, bytes: body };
}

function notAFile(path: string, { type }: FileStatus): SandboxError {
  const isFolder = type === 'folder';
  const what = isFolder ? 'a folder' : 'a device, a FIFO or a socket';
  const hint = isFolder ? { hint: 'List it with list_files.' } : {};
  return new SandboxError('FILE_KIND', `${shown(path)} is ${what}`, hint);
}
