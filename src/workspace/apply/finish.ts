import type { OpenFolder } from '../../kit/open-folder.js';
import { eachInTurns, Turns } from '../../kit/turns.js';
import { ancestors } from './ancestors.js';
import type { AppliedNotes } from './applied-notes.js';
import type { Journal } from './journal.js';
import { LeftAlone, leftAlone } from './left-alone.js';
import { perform, type StagedEntry } from './perform.js';
import { inFolder, isEntry, type Seen } from './seen.js';
import { folderAt } from './stage.js';
import type { Put, Step } from './step.js';

export interface Unfinished {
  readonly steps: readonly Step[];
  /** What the temporary entry of a step is. */
  readonly staged: ReadonlyMap<number, StagedEntry>;
  /** Changes that are not made after all. */
  readonly left: ReadonlySet<number>;
  /** Folders made by whoever was cut short. */
  readonly made: ReadonlyMap<number, Pick<Seen, 'dev' | 'ino'>>;
  /** Is told which steps were left alone, before the journal goes: where it fails, that stays. */
  readonly onDone?: (failed: ReadonlyMap<number, LeftAlone>) => Promise<void>;
  /** Whether somebody was. */
  readonly isAgain: boolean;
}

/**
 * Does all steps that have been committed to; those done before do nothing. Returns why steps were left alone, by their number. When it
 * returns, it is on the disk and the journal is gone. Whatever it throws, the journal stays for the next attempt.
 */
export async function finish(
  project: OpenFolder,
  { steps, staged, left, made, isAgain, onDone }: Unfinished,
  journal: Journal,
  notes: AppliedNotes,
): Promise<ReadonlyMap<number, LeftAlone>> {
  const failed = new Map<number, LeftAlone>();
  const stopped = new Set<number>();
  const folders = new Map(made);
  const needed = new Set<string>();
  await eachInTurns(steps, new Turns(), ({ of, path }) => {
    if (!left.has(of)) for (const folder of ancestors(path)) needed.add(folder);
  });
  for (const [index, step] of steps.entries()) {
    const isWanted = step.of < 0 ? needed.has(step.path) : !left.has(step.of) && !stopped.has(step.of);
    try {
      if (!isWanted) {
        if (step.do === 'put') await dropTemp(project, step, staged.get(index));
        continue;
      }
      const done = await perform(project, step, staged.get(index), isAgain && !made.has(index));
      if (done.put !== undefined) notes.add(step.path, done.put);
      if (done.made === undefined) continue;
      folders.set(index, done.made);
      await journal.write({ line: 'done', step: index, made: done.made });
    } catch (error) {
      failed.set(index, leftAlone(error, 'project'));
      stopped.add(step.of);
      if (step.do === 'put') await dropTemp(project, step, staged.get(index));
    }
  }
  await openUp(project, steps, folders);
  await syncAll(project, steps);
  await notes.save();
  await onDone?.(failed);
  await journal.end();
  return failed;
}

/** Folders that were made get their permissions once all is in them. */
async function openUp(project: OpenFolder, steps: readonly Step[], made: Unfinished['made']): Promise<void> {
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const [step, folder] = [steps[index], made.get(index)];
    if (step?.do !== 'folder' || folder === undefined) continue;
    await quietly(() =>
      inFolder(project, step.path, (parent, name) =>
        parent.setMode(name, step.mode, (found) => isEntry(found, folder)),
      ),
    );
  }
}

async function syncAll(project: OpenFolder, steps: readonly Step[]): Promise<void> {
  const touched = new Set<string>();
  await eachInTurns(steps, new Turns(), (step) => {
    touched.add(ancestors(step.path)[0] ?? '');
    if (step.do === 'put') touched.add(step.at);
  });
  for (const path of touched) {
    await quietly(async () => {
      await using folder = await folderAt(project, path);
      await folder.sync();
    });
  }
}

/** Takes a temporary entry away, if it is the one that was made. Unknown: it was made, but nobody was left to note which. */
export async function dropTemp(
  project: OpenFolder,
  { at, temp }: Put,
  staged: Pick<Seen, 'dev' | 'ino'> | undefined,
): Promise<void> {
  await quietly(async () => {
    await using folder = await folderAt(project, at);
    const found = await folder.entry(temp);
    if (found === undefined || found.isDirectory()) return;
    const isOurs = staged === undefined ? Number(found.uid) === process.geteuid?.() : isEntry(found, staged);
    if (isOurs) await folder.remove(temp);
  });
}

/** What has gone from there, or is another's by now, is not our business any more. */
async function quietly(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(leftAlone(error, 'project') instanceof LeftAlone)) throw error;
  }
}
