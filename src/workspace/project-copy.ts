import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError, toPaddockError } from '../core/errors.js';
import { OpenFolder } from '../kit/open-folder.js';
import { writeNewFile } from '../kit/write-new-file.js';
import type { ApprovedMount } from './approve.js';
import { listUpperAsTold } from './changes/list-upper.js';
import { parseUpper, type UpperEntry } from './changes/upper-tree.js';
import { type CopiedLayer, type CopyOptions, copyLayer } from './copy-layer.js';

/** More are not compared in a reasonable time. */
export const mostCopiedEntries = 500_000;

/** Beside the copy: what was in it when it was made, as paddock-init told of it. */
const baseName = 'base';

/**
 * Copies a project into `upper`, an empty folder of ours, for a session to write to, and notes what is there: for hosts without overlays. What it
 * can't take along (sockets, devices, what its owner can't read) is counted. Errors: WORKSPACE_UNAVAILABLE, INIT_MISSING, STATE_UNWRITABLE, an AbortError.
 */
export async function copyProject(
  folder: string,
  upper: string,
  project: ApprovedMount,
  options: CopyOptions,
): Promise<CopiedLayer> {
  const [below] = project.submounts;
  if (below !== undefined)
    throw workspaceUnavailable(`it would have to be copied, and ${below.source} is mounted in it`);
  await using from = await OpenFolder.at(project.source);
  const { dev, ino } = await from.stat();
  if (String(dev) !== project.dev || String(ino) !== project.ino)
    throw workspaceUnavailable('it is another folder by now');
  await using to = await OpenFolder.at(upper);
  const mostEntries = Math.min(options.mostEntries, mostCopiedEntries);
  const copied = await copyLayer(from, to, { ...options, mostEntries }).catch((error: unknown) => {
    const { code, message } = toPaddockError(error);
    throw code === 'SNAPSHOT_FAILED'
      ? workspaceUnavailable(`the project could not be copied: ${message}`, error)
      : error;
  });
  const { top, listing } = await listUpperAsTold(to, { ...options, mostEntries: mostEntries + 1 });
  if (isCut(top)) throw workspaceUnavailable('it would have to be copied, and it is too large or too deep for that');
  await writeBase(folder, listing);
  return copied;
}

/** What was in a copy when it was made. Rejects where that is not there. */
export async function readBase(folder: string, signal: AbortSignal): Promise<UpperEntry> {
  return parseUpper(await readFile(join(folder, baseName)), signal);
}

async function writeBase(folder: string, listing: Buffer): Promise<void> {
  try {
    await writeNewFile(join(folder, baseName), listing);
  } catch (cause) {
    throw new PaddockError('STATE_UNWRITABLE', `${folder} could not be written`, { cause });
  }
}

function isCut({ cut, children }: UpperEntry): boolean {
  return cut !== undefined || children.some(isCut);
}

export function workspaceUnavailable(why: string, cause?: unknown): PaddockError {
  return new PaddockError('WORKSPACE_UNAVAILABLE', `the project can not be shown copy-on-write: ${why}`, { cause });
}
