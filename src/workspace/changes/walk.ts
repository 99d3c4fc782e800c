import type { OpenFolder } from '../../kit/open-folder.js';
import { eachInTurns } from '../../kit/turns.js';
import { addChange, compareEntry, type Findings, lookAtProject, openBelow, type Place } from './comparison.js';
import { addDeleted, addDeletedBelow, addOthersDeleted, keyOf } from './deletions.js';
import { pathBelow } from './names.js';
import { entryOf, typeOf } from './stamp.js';
import type { UpperEntry } from './upper-tree.js';

/** Compares what is in a folder of the layer with the project. `isHidden`: nothing of the project shows through it. */
export async function compareFolder(
  place: Place,
  folder: UpperEntry,
  isHidden: boolean,
  findings: Findings,
): Promise<void> {
  if (folder.cut !== undefined) findings.cuts.add(folder.cut);
  const { project } = place;
  // What is renamed while a folder is read may be read twice.
  const children = new Map<string, UpperEntry>();
  await eachInTurns(folder.children, findings.turns, (child) => children.set(keyOf(child.name), child));
  await findings.lanes.each(children.values(), (child) => compareChild(place, child, isHidden, findings));
  // Of what was not listed whole nobody knows what is missing from it.
  if (!isHidden || project === undefined || folder.cut !== undefined) return;
  await addOthersDeleted({ ...place, project }, new Set(children.keys()), findings);
}

async function compareChild(place: Place, child: UpperEntry, isHidden: boolean, findings: Findings): Promise<void> {
  await findings.turns.give();
  findings.signal.throwIfAborted();
  const { project } = place;
  if (child.isWhiteout) {
    if (project !== undefined) await addDeleted({ ...place, project }, child.name, findings);
    return;
  }
  if (child.cut === 'unreadable') {
    await addClosed(place, child, findings);
    return;
  }
  const before = await compareEntry(place, child, findings);
  const isFolder = typeOf(child.facts) === 'folder';
  if (before?.type === 'folder' && !isFolder && project !== undefined) {
    await addDeletedBelow({ ...place, project }, child.name, findings);
  }
  if (isFolder) await enter(place, child, isHidden || child.isOpaque, findings);
}

async function enter(place: Place, child: UpperEntry, isHidden: boolean, findings: Findings): Promise<void> {
  if (child.children.length === 0 && child.cut === undefined && !isHidden) return;
  await using upper = await openBelow(place.upper, child.name);
  if (upper === undefined) {
    findings.cuts.add('changing');
    return;
  }
  const path = pathBelow(place.path, child.name);
  await using project: OpenFolder | undefined = await openBelow(place.project, child.name);
  await compareFolder({ path, depth: place.depth + 1, upper, project }, child, isHidden, findings);
}

/** A folder that can't be read: neither what is in it can be told nor whether it hides what the project has there. */
async function addClosed(place: Place, child: UpperEntry, findings: Findings): Promise<void> {
  findings.cuts.add('unreadable');
  const path = pathBelow(place.path, child.name);
  const found = await lookAtProject(place.project, child.name, findings);
  const sides = { ...(found === undefined ? {} : { before: found.entry }), after: entryOf(child.facts) };
  addChange(findings, path, found === undefined ? 'added' : 'modified', sides, 'unreadable');
}
