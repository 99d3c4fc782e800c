import type { OpenFolder } from '../../kit/open-folder.js';
import { eachInTurns, filterInTurns, type Turns } from '../../kit/turns.js';
import type { Change } from '../changes/change.js';
import { ancestors } from './ancestors.js';
import type { Ready } from './check.js';
import { leftAlone } from './left-alone.js';
import { inFolder } from './seen.js';

const usualMode = 0o755;

/** Which folders there are in the project, of those that changes lie in. */
export interface Standing {
  /** Folders that nobody makes yet, with the permissions they are to have. */
  readonly missing: ReadonlyMap<string, number>;
  /** The lowest folder that a path lies in and that is there, as a path; the top: an empty one. */
  readonly atOf: (path: string) => string;
}

export async function standing(
  project: OpenFolder,
  ready: readonly Ready[],
  all: readonly Change[],
  turns: Turns,
): Promise<Standing> {
  const kinds = new Map<string, 'folder' | 'none' | 'other'>([['', 'folder']]);
  const isPlaced = ({ change: { kind, after } }: Ready) => after !== undefined && kind !== 'mode';
  const placed = await filterInTurns(ready, turns, isPlaced);
  const chosen = new Set<string>();
  for (const { change } of placed) {
    if (turns.isDue) await turns.give();
    chosen.add(change.path);
    for (const path of [...ancestors(change.path)].reverse()) {
      if (!kinds.has(path)) kinds.set(path, await kindAt(project, path));
    }
  }
  const modes = new Map<string, number>();
  await eachInTurns(all, turns, ({ path, after }) => {
    if (after?.type === 'folder') modes.set(path, after.mode & 0o777);
  });
  const missing = await filterInTurns(kinds, turns, ([path, kind]) => kind === 'none' && !chosen.has(path));
  return {
    missing: new Map(missing.map(([path]) => [path, modes.get(path) ?? usualMode])),
    atOf: (path) => ancestors(path).find((one) => kinds.get(one) === 'folder') ?? '',
  };
}

async function kindAt(project: OpenFolder, path: string): Promise<'folder' | 'none' | 'other'> {
  try {
    const found = await inFolder(project, path, (folder, name) => folder.entry(name));
    if (found === undefined) return 'none';
    return found.isDirectory() ? 'folder' : 'other';
  } catch (error) {
    // Below what is no folder there is nothing; below one that can not be entered nobody can tell.
    return leftAlone(error, 'project').why === 'parent' ? 'none' : 'other';
  }
}
