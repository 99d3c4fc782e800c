import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenFolder } from '../kit/open-folder.js';
import { removeTree } from '../kit/remove-tree.js';
import { runWithFolders } from '../kit/run-with-folders.js';
import { safeLine } from '../kit/safe-text.js';

/** Whether the kernel puts an overlay over a folder; `unknown`: it may not be tried, though an engine may have the right to. */
export interface OverlayAnswer {
  readonly can: 'yes' | 'no' | 'unknown';
  /** The kernel's word; empty for `yes`. */
  readonly why: string;
}

export interface TryOverlay {
  /** paddock-init, as a program of this host. */
  readonly program: string;
  /**
   * A folder that is made for it and goes with it, on the file system where what is written would lie; a real path, without what overlays take for syntax.
   * What is there from a crash is removed.
   */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

const withinMs = 10_000;
const mostBytes = 4096;

/**
 * Asks the kernel by doing it, in namespaces of a process of its own and with nothing written to the project: what file systems, mounts and
 * versions allow is known to nobody else. Takes some milliseconds. Never rejects but with an AbortError; what can't be asked is `unknown`.
 */
export async function tryOverlay(project: string, { program, scratch, signal }: TryOverlay): Promise<OverlayAnswer> {
  try {
    await removeTree(scratch);
    await mkdir(scratch, { mode: 0o700 });
    await mkdir(join(scratch, 'lower/d'), { recursive: true });
    await writeFile(join(scratch, 'lower/d/f'), '');
    for (const name of ['upper', 'work', 'merged']) await mkdir(join(scratch, name));
    await using folder = await OpenFolder.at(project);
    const { output } = await runWithFolders(program, {
      ...{ args: ['--overlay', scratch], folders: [folder], mostBytes },
      signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
    });
    const [, can, why = ''] = /^(yes|no|unknown)(?: (.*))?\n$/.exec(output.toString('latin1')) ?? [];
    return { can: can === 'yes' || can === 'no' ? can : 'unknown', why: safeLine(why, 200) };
  } catch (error) {
    signal.throwIfAborted();
    return { can: 'unknown', why: safeLine(error instanceof Error ? error.message : String(error), 200) };
  } finally {
    await removeTree(scratch).catch(() => undefined);
  }
}
