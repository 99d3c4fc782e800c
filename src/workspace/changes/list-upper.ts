import { PaddockError } from '../../core/errors.js';
import type { OpenFolder } from '../../kit/open-folder.js';
import { isNoProgram, runWithFolders } from '../../kit/run-with-folders.js';
import { parseUpper, type UpperEntry } from './upper-tree.js';

/** Far above what paddock-init tells by its own limits. */
const mostBytes = 128 * 1024 ** 2;
/** A disk that takes longer hangs. */
const withinMs = 60_000;

export interface ListOptions {
  /** paddock-init, as a program of this host. */
  readonly program: string;
  readonly mostEntries: number;
  readonly signal: AbortSignal;
}

/**
 * All that is in a layer, with the kernel's marks, of which Node sees only half: paddock-init reads them, in one process and
 * without a path. Errors: INIT_MISSING, CHANGES_UNREADABLE, an AbortError.
 */
export async function listUpper(upper: OpenFolder, options: ListOptions): Promise<UpperEntry> {
  return (await listUpperAsTold(upper, options)).top;
}

/** The same, and the bytes that it was told in. Errors as above. */
export async function listUpperAsTold(
  upper: OpenFolder,
  options: ListOptions,
): Promise<{ readonly top: UpperEntry; readonly listing: Buffer }> {
  const { signal } = options;
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(withinMs);
  try {
    const listing = await told(upper, options, AbortSignal.any([signal, timeout]));
    return { top: await parseUpper(listing, signal), listing };
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('CHANGES_UNREADABLE', 'what the session has written could not be listed', { cause });
  }
}

async function told(upper: OpenFolder, { program, mostEntries }: ListOptions, signal: AbortSignal): Promise<Buffer> {
  const args = ['--layer', String(mostEntries)];
  try {
    const { code, output } = await runWithFolders(program, { args, folders: [upper], signal, mostBytes });
    if (code !== 0) throw new Error(`it ended with ${code ?? 'a signal'}`);
    return output;
  } catch (cause) {
    if (!isNoProgram(cause)) throw cause;
    throw new PaddockError(
      'INIT_MISSING',
      `${program} can not be run, and nothing else reads what a session has written`,
      { cause },
    );
  }
}
