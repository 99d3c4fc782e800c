import type { BigIntStats } from 'node:fs';
import { codeOf } from '../../kit/error-code.js';
import { isGone, type OpenFolder } from '../../kit/open-folder.js';
import { LeftAlone } from './left-alone.js';
import { inFolder, isEntry, isSame, isUnwritten, type Seen, seen } from './seen.js';
import { folderAt } from './stage.js';
import type { Put, Remove, Step } from './step.js';

type Identity = Pick<Seen, 'dev' | 'ino'>;
/** What a temporary entry is, and when it was written to last. */
export type StagedEntry = Identity & { readonly mtimeNs?: string | undefined };

/** What came of a step that was not left alone. */
export interface Performed {
  /** The folder that it made. */
  readonly made?: Identity;
  /** The file or link that it put there, as it is now. */
  readonly put?: Seen;
}

/**
 * Does one step, once: done before, by whoever was cut short, it does nothing. What the project has there is looked at in the last
 * moment. `staged`: what the temporary entry of a `put` is; `isAgain`: somebody was cut short before. Errors: LeftAlone, NotAsExpected, and those of the kernel.
 */
export function perform(
  project: OpenFolder,
  step: Step,
  staged: StagedEntry | undefined,
  isAgain: boolean,
): Promise<Performed> {
  if (step.do === 'put') return put(project, step, staged);
  return inFolder(project, step.path, async (folder, name) => {
    if (step.do === 'folder') return makeFolder(folder, name, isAgain && step.expect === null);
    if (step.do === 'remove') await remove(folder, name, step, isAgain);
    else if (step.do === 'remove-folder') await removeFolder(folder, name, step.expect);
    else await setMode(folder, name, step);
    return {};
  });
}

async function put(project: OpenFolder, step: Put, staged: StagedEntry | undefined): Promise<Performed> {
  if (staged === undefined) throw new LeftAlone('changed-outside');
  await using at = await folderAt(project, step.at);
  return await inFolder(project, step.path, async (folder, name) => {
    const waiting = await at.entry(step.temp);
    const found = await folder.entry(name);
    if (found !== undefined && isEntry(found, staged)) {
      // It has both places: whoever gave it the second was cut short.
      if (waiting !== undefined && isEntry(waiting, staged)) await at.remove(step.temp);
      // Who has written to it since nobody knows.
      return {};
    }
    if (waiting === undefined || !isEntry(waiting, staged)) throw new LeftAlone('changed-outside');
    await place(step, { at, folder, name }, found);
    const put = await folder.entry(name);
    // Only what nobody has written to since it was staged is known to be ours.
    const isOurs = put !== undefined && isUnwritten(put, seen(waiting)) && seen(put).mtimeNs === staged.mtimeNs;
    return isOurs ? { put: seen(put) } : {};
  });
}

interface Place {
  readonly at: OpenFolder;
  readonly folder: OpenFolder;
  readonly name: string;
}

async function place(
  { temp, expect }: Put,
  { at, folder, name }: Place,
  found: BigIntStats | undefined,
): Promise<void> {
  if (expect !== null) {
    if (found === undefined) throw new LeftAlone('gone');
    if (!isSame(found, expect)) throw new LeftAlone('changed-outside');
    await at.rename(temp, folder, name);
    return;
  }
  if (found !== undefined) throw new LeftAlone('exists');
  try {
    // Unlike a rename it puts nothing over what somebody else has made there in this very moment.
    await at.link(temp, folder, name);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') throw new LeftAlone('exists', { cause: error });
    if (code !== 'EPERM' && code !== 'EOPNOTSUPP' && code !== 'EMLINK' && code !== 'ENOSYS') throw error;
    // A file system without hard links.
    await at.rename(temp, folder, name);
    return;
  }
  await at.remove(temp);
}

/** `isMaybeOurs`: whoever was cut short could have made it, and not have come to note that. */
async function makeFolder(folder: OpenFolder, name: string, isMaybeOurs: boolean): Promise<Performed> {
  try {
    // Closed to others until all that belongs into it is there; then it gets the permissions it is to have.
    await folder.newFolder(name, 0o700);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const there = await folder.entry(name);
    if (there?.isDirectory() === true)
      return isMaybeOurs && (await isJustMade(folder, name, there)) ? { made: identityOf(there) } : {};
    throw new LeftAlone('exists', { cause: error });
  }
  const found = await folder.entry(name);
  return found?.isDirectory() === true ? { made: identityOf(found) } : {};
}

function identityOf({ dev, ino }: BigIntStats): Identity {
  return { dev: String(dev), ino: String(ino) };
}

/** As a folder of ours is until something is put into it. */
async function isJustMade(parent: OpenFolder, name: string, found: BigIntStats): Promise<boolean> {
  if (Number(found.uid) !== process.geteuid?.() || (found.mode & 0o7777n) !== 0o700n) return false;
  await using folder = await parent.folder(name);
  const first = await folder.names().next();
  return first.done === true;
}

async function remove(folder: OpenFolder, name: string, { expect, temp }: Remove, isAgain: boolean): Promise<void> {
  let aside = await folder.entry(temp);
  if (aside === undefined) {
    const found = await folder.entry(name);
    if (found === undefined) return;
    // It had gone, and the folder that takes its place is there already.
    if (isAgain && found.isDirectory() && expect !== null && expect.type !== 'folder') return;
    if (expect === null || !isSame(found, expect)) throw new LeftAlone('changed-outside');
    // What is moved away is then looked at again: in between somebody may have put another in its place.
    await folder.rename(name, folder, temp);
    aside = await folder.entry(temp);
  }
  if (aside === undefined) return;
  if (expect !== null && isUnwritten(aside, expect)) await folder.remove(temp);
  else await putBack(folder, name, temp, aside);
}

/** Gives it its name again, never over anything; always throws LeftAlone. */
async function putBack(folder: OpenFolder, name: string, temp: string, aside: BigIntStats): Promise<never> {
  try {
    if (aside.isDirectory()) await folder.rename(temp, folder, name);
    else {
      await folder.link(temp, folder, name).catch(async (error: unknown) => {
        const there = await folder.entry(name);
        if (there === undefined || !isEntry(there, seen(aside))) throw error;
      });
      await folder.remove(temp);
    }
  } catch (cause) {
    throw new LeftAlone('changed-outside', { cause, keptAs: temp });
  }
  throw new LeftAlone('changed-outside');
}

async function removeFolder(folder: OpenFolder, name: string, expect: Seen | null): Promise<void> {
  const found = await folder.entry(name);
  if (found === undefined) return;
  if (expect === null || !isSame(found, expect)) throw new LeftAlone('changed-outside');
  try {
    await folder.removeFolder(name);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') throw new LeftAlone('not-empty', { cause: error });
    if (code === 'ENOTDIR') throw new LeftAlone('changed-outside', { cause: error });
    if (!isGone(error)) throw error;
  }
}

async function setMode(folder: OpenFolder, name: string, step: Step & { readonly do: 'mode' }): Promise<void> {
  const { expect, mode } = step;
  const found = await folder.entry(name);
  if (found === undefined) throw new LeftAlone('gone');
  const isDone = expect !== null && isEntry(found, expect) && Number(found.mode & 0o7777n) === mode;
  if (isDone && found.isDirectory() === (expect.type === 'folder')) return;
  const wasMeant = await folder.setMode(name, mode, (one) => expect !== null && isSame(one, expect));
  if (!wasMeant) throw new LeftAlone('changed-outside');
}
