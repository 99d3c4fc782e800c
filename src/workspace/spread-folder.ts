import { mkdir } from 'node:fs/promises';
import { OpenFolder } from '../kit/open-folder.js';
import { runWithFolders } from '../kit/run-with-folders.js';

const withinMs = 10_000;

/**
 * Makes a folder of ours in which sessions have folders of their own, and asks for those to lie apart from one another on the disk: on ext4 what a session
 * writes else takes many times as long as soon as others with thousands of files have ended (src/init/spread.h). What can't be had is done without.
 * `program`: paddock-init, as a program of this host. Errors: the kernel's, of making it.
 */
export async function makeSpreadFolder(path: string, program: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  try {
    await using folder = await OpenFolder.at(path);
    const signal = AbortSignal.timeout(withinMs);
    await runWithFolders(program, { args: ['--spread'], folders: [folder], signal, mostBytes: 0 });
  } catch {
    // Slower, and nothing else.
  }
}
