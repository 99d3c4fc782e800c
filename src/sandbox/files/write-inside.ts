import { SandboxError } from '../../core/errors.js';
import { askInside, type RunInside, shown } from './inside.js';
import { type FileStatus, parseStatus } from './status.js';

export interface WriteOptions {
  /** Permission bits; default: those of what is replaced, or as the sandbox's umask has it. */
  readonly mode?: number | undefined;
  /** Makes the folders on the way. */
  readonly parents: boolean;
  /** Whether what is there is replaced; else it is refused (FILE_EXISTS). */
  readonly overwrite: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Written {
  readonly status: FileStatus;
  readonly wasThere: boolean;
}

/**
 * Writes a whole file, which takes its place only when all of it is there: nobody sees half of it, and what was there stays when
 * anything goes wrong. Links are followed as any program inside would. Errors: those of `askInside`.
 */
export async function writeInside(
  run: RunInside,
  path: string,
  content: Uint8Array,
  { mode, parents, overwrite, signal }: WriteOptions,
): Promise<Written> {
  const argv = [
    ...['--file-write', path, overwrite ? 'replace' : 'create', mode?.toString(8) ?? '-', parents ? 'parents' : '-'],
    String(content.length),
  ];
  const { head } = await askInside(run, { path, argv, mostBytes: 0, stdin: content, signal });
  const how = /^(created|replaced) (.*)$/s.exec(head);
  const parsed = parseStatus(how?.[2] ?? '');
  if (parsed === undefined || parsed.status.sizeBytes !== content.length) {
    throw new SandboxError('FILES_UNAVAILABLE', `what the sandbox says of ${shown(path)} can't be read`);
  }
  return { status: parsed.status, wasThere: how?.[1] === 'replaced' };
}
