import { PaddockError } from '../../core/errors.js';
import { isGone, OpenFolder } from '../../kit/open-folder.js';
import { type Layer, notesOf } from '../changes/layer.js';
import { type AppliedFile, appliedFiles } from './applied-files.js';
import { AppliedNotes } from './applied-notes.js';
import { dropTemp, finish } from './finish.js';
import { type Found, Journal, readJournal } from './journal.js';

/** What was done about what a crash left. */
export type Recovery = 'nothing' | 'undone' | 'finished';

/** Is told what was applied, before the journal goes: where it fails, that stays, and all of it is told once more. */
export type OnFinished = (applied: readonly AppliedFile[]) => Promise<void>;

/**
 * Undoes an apply that was cut short before it was committed to, and finishes one that was cut short after. To be called by whoever
 * has the layer to itself. Errors: PROJECT_UNWRITABLE where the project is not there (the journal stays), STATE_UNWRITABLE.
 */
export async function recoverApply(layer: Layer, onFinished?: OnFinished): Promise<Recovery> {
  const found = await readJournal(layer.folder);
  if (found === undefined) return 'nothing';
  const journal = await Journal.again(layer.folder);
  try {
    return await recover(layer, found, journal, onFinished);
  } catch (error) {
    await journal.close();
    throw error;
  }
}

async function recover(layer: Layer, found: Found, journal: Journal, onFinished?: OnFinished): Promise<Recovery> {
  if (!found.hasBegun) {
    await journal.end();
    return 'nothing';
  }
  await using project = await openProject(layer, found.project);
  if (found.isCommitted) {
    const onDone = async (failed: ReadonlyMap<number, unknown>) => onFinished?.(appliedFiles(found, failed));
    await finish(project, { ...found, isAgain: true, onDone }, journal, await AppliedNotes.of(notesOf(layer)));
    return 'finished';
  }
  for (const [index, step] of found.steps.entries()) {
    if (step.do === 'put') await dropTemp(project, step, found.staged.get(index));
  }
  await journal.end();
  return 'undone';
}

/** The folder itself, and no other that was put in its place. Errors: PROJECT_UNWRITABLE. */
export async function openProject(layer: Layer, expected: Pick<Layer['project'], 'dev' | 'ino'>): Promise<OpenFolder> {
  const { source } = layer.project;
  const project = await OpenFolder.at(source).catch((error: unknown) => {
    if (isGone(error)) throw notThere(source, error);
    throw error;
  });
  try {
    const { dev, ino } = await project.stat();
    if (String(dev) === expected.dev && String(ino) === expected.ino) return project;
  } catch (error) {
    await project[Symbol.asyncDispose]();
    throw error;
  }
  await project[Symbol.asyncDispose]();
  throw notThere(source);
}

function notThere(source: string, cause?: unknown): PaddockError {
  return new PaddockError('PROJECT_UNWRITABLE', `${source} is not the folder any more that the session shows`, {
    cause,
    hint: 'Put the project back to its place, then call again.',
  });
}
