import { lstat } from 'node:fs/promises';
import { posix } from 'node:path';
import { resolveFolderInside } from '../resolve-inside.js';

const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where a command's first word is looked for. */
export interface ProgramPlace {
  readonly initPid: number;
  /** Resolved working directory inside. */
  readonly cwd: string;
  /** PATH of the command; undefined where only the engine knows it. */
  readonly path: string | undefined;
}

/**
 * Whether the sandbox holds the program that a command names, by its path or by PATH. Asked after an engine has said
 * that it could not run it: Docker says 126 for a missing program, too. Folders are resolved within the sandbox's own
 * root, so the answer tells nothing of the host.
 */
export async function hasProgram(program: string, place: ProgramPlace): Promise<boolean> {
  const folders = program.includes('/')
    ? [posix.dirname(posix.resolve(place.cwd, program))]
    : (place.path || usualPath).split(':').filter((folder) => folder.startsWith('/'));
  const name = posix.basename(program);
  const found = await Promise.all(
    folders
      .map(async (folder) => {
        const inside = await resolveFolderInside(place.initPid, folder);
        await lstat(posix.join(`/proc/${place.initPid}/root`, inside, name));
        return true;
      })
      .map((look) => look.catch(() => false)),
  );
  return found.includes(true);
}
