import type { OpenFolder } from '../../kit/open-folder.js';
import { addChange, type Findings, isUnreadable, lookAtProject, openBelow } from './comparison.js';
import { pathBelow, type ShownPath } from './names.js';

/** As deep as a layer is looked into. */
const mostLevels = 128;

/** A folder of the project of which something is gone. */
export interface OldFolder {
  readonly path: ShownPath;
  readonly depth: number;
  readonly project: OpenFolder;
}

/** Adds what the project has under that name, which the session no longer shows, with all that is below it. */
export async function addDeleted(place: OldFolder, name: Buffer, findings: Findings): Promise<void> {
  await findings.turns.give();
  findings.signal.throwIfAborted();
  const path = pathBelow(place.path, name);
  let found: Awaited<ReturnType<typeof lookAtProject>>;
  try {
    found = await lookAtProject(place.project, name, findings);
    if (found === undefined) return;
    addChange(findings, path, 'deleted', { before: found.entry });
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    addChange(findings, path, 'deleted', {}, 'unreadable');
    return;
  }
  if (found.entry.type === 'folder') await addDeletedBelow(place, name, findings);
}

/** Adds all that the project has below the folder of that name, and not that itself. */
export async function addDeletedBelow(place: OldFolder, name: Buffer, findings: Findings): Promise<void> {
  if (place.depth >= mostLevels) {
    findings.cuts.add('depth');
    return;
  }
  await using project = await openBelow(place.project, name);
  if (project === undefined) {
    findings.cuts.add('unreadable');
    return;
  }
  const below = { path: pathBelow(place.path, name), depth: place.depth + 1, project };
  await addOthersDeleted(below, new Set(), findings);
}

/** Adds what a folder of the project has besides `kept`, names as `keyOf` makes them. */
export async function addOthersDeleted(place: OldFolder, kept: ReadonlySet<string>, findings: Findings): Promise<void> {
  const names = new Map<string, Buffer>();
  try {
    for await (const name of place.project.names()) {
      if (findings.turns.isDue) await findings.turns.give();
      const key = keyOf(name);
      if (kept.has(key) || names.has(key)) continue;
      if (findings.leftEntries === 0) {
        findings.cuts.add('entries');
        break;
      }
      findings.leftEntries -= 1;
      names.set(key, name);
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    findings.cuts.add('unreadable');
  }
  await findings.lanes.each(names.values(), (name) => addDeleted(place, name, findings));
}

/** Bytes as a string, each as one character: names need not be text. */
export function keyOf(name: Buffer): string {
  return name.toString('latin1');
}
