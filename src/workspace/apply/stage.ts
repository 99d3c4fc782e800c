import type { FileHandle } from 'node:fs/promises';
import type { OpenFolder } from '../../kit/open-folder.js';
import type { Change, Entry } from '../changes/change.js';
import { stampOf } from '../changes/stamp.js';
import { LeftAlone, leftAlone } from './left-alone.js';
import { type Content, readContent } from './read-content.js';
import { inFolder, seen } from './seen.js';
import type { Put, Staged } from './step.js';
import { writePages } from './write-pages.js';

/** Judges what is about to be put, by the very bytes; throws LeftAlone, or returns. */
export type Inspect = (change: Change, at: OpenFolder, temp: string) => Promise<void>;

export interface Stage {
  readonly project: OpenFolder;
  readonly upper: OpenFolder;
  readonly inspect: Inspect;
  readonly signal: AbortSignal;
}

/**
 * Puts what a change brings into a temporary entry near its place. What is there afterwards is what was reviewed, or
 * LeftAlone is thrown and nothing is left: it was read through one descriptor, of a file that had the reviewed stamp before and after.
 */
export async function stagePut(put: Put, index: number, change: Change, stage: Stage): Promise<Staged> {
  const { after } = change;
  if (after === undefined) throw new LeftAlone('changed-inside');
  await using at = await folderAt(stage.project, put.at).catch((error: unknown) => {
    throw leftAlone(error, 'project');
  });
  try {
    const content = await (after.type === 'link'
      ? makeLink(put, after, change, stage, at)
      : copyFile(put, after, change, stage, at));
    await stage.inspect(change, at, put.temp);
    const entry = await at.entry(put.temp);
    if (entry === undefined) throw new LeftAlone('changed-outside');
    const { dev, ino, mtimeNs } = seen(entry);
    return { line: 'staged', step: index, dev, ino, mtimeNs, ...content };
  } catch (error) {
    // Nobody else makes one of that name: it is ours, or not there.
    await at.remove(put.temp).catch(() => undefined);
    throw error;
  }
}

/** A folder of the project by the path that stands in a step; the top for an empty one. */
export function folderAt(project: OpenFolder, path: string): Promise<OpenFolder> {
  return project.down(path === '' ? [] : path.split('/'));
}

async function copyFile(put: Put, after: Entry, change: Change, stage: Stage, at: OpenFolder): Promise<Content> {
  const source = await inFolder(stage.upper, change.path, (folder, name) => folder.file(name)).catch(
    (error: unknown) => {
      throw leftAlone(error, 'session');
    },
  );
  try {
    await expectStamp(source, after);
    const target = await at.newFile(put.temp, 0o600).catch((error: unknown) => {
      throw leftAlone(error, 'project');
    });
    try {
      let at = 0;
      const content = await readContent(source, after.sizeBytes, async (chunk) => {
        stage.signal.throwIfAborted();
        await writePages(target, chunk, at);
        at += chunk.length;
      });
      if (content.sizeBytes !== after.sizeBytes) throw new LeftAlone('changed-inside');
      await target.truncate(content.sizeBytes);
      await expectStamp(source, after);
      await target.chmod(put.mode);
      await target.sync();
      return content;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function expectStamp(source: FileHandle, after: Entry): Promise<void> {
  if (stampOf(await source.stat({ bigint: true })) !== after.stamp) throw new LeftAlone('changed-inside');
}

async function makeLink(put: Put, after: Entry, change: Change, stage: Stage, at: OpenFolder): Promise<object> {
  const wanted = Buffer.from(after.target ?? '');
  await inFolder(stage.upper, change.path, async (folder, name) => {
    const found = await folder.entry(name);
    // A link is never written to, only put in another's place; the one that has this stamp has had its target from the beginning.
    if (found === undefined || stampOf(found) !== after.stamp || !(await folder.target(name)).equals(wanted)) {
      throw new LeftAlone('changed-inside');
    }
  }).catch((error: unknown) => {
    throw leftAlone(error, 'session');
  });
  await at.newLink(put.temp, wanted).catch((error: unknown) => {
    throw leftAlone(error, 'project');
  });
  return {};
}
