import { stat } from 'node:fs/promises';

/** The first of these that is root's program, and nobody else's to write; undefined where there is none. Never by PATH: whoever can put a program there would be run. */
export async function rootProgram(places: readonly string[], ownerUid = 0): Promise<string | undefined> {
  for (const path of places) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() !== true || found.uid !== ownerUid) continue;
    if ((found.mode & 0o111) !== 0 && (found.mode & 0o022) === 0) return path;
  }
  return undefined;
}
