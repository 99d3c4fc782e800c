import { opendirSync, readdirSync, statSync } from 'node:fs';
import { readProcess } from '../../kit/proc/processes.js';
import type { LinksSeen } from './links-seen.js';
import type { Pace } from './pace.js';
import type { TreeCount } from './tree-count.js';

export interface OpenFilesOptions {
  /** Of the sandbox, by their numbers on the host. */
  readonly pids: readonly number[];
  /** Device numbers of what the sandbox can write. */
  readonly devices: ReadonlySet<number>;
  readonly links: LinksSeen;
  readonly pace: Pace;
  readonly procRoot?: string;
}

/** So many descriptors are looked at for one count; each takes about 10 microseconds. */
const mostDescriptors = 50_000;
const blockBytes = 512;

/** Threads of a process that are tried where its first one has ended. */
const mostThreads = 16;

interface Sum {
  bytes: number;
  inodes: number;
  uncounted: number;
  left: number;
}

/**
 * Files that processes hold open and that have no name any more: no tree has them, and they take room until they are closed. One
 * that is only mapped, or under way in a socket, is not seen; it goes with the command at the latest.
 */
export async function countUnnamedFiles(options: OpenFilesOptions): Promise<TreeCount> {
  const { pids, procRoot = '/proc' } = options;
  const sum: Sum = { bytes: 0, inodes: 0, uncounted: 0, left: mostDescriptors };
  for (const pid of pids) {
    if (await addFolder(`${procRoot}/${pid}/fd`, sum, options)) continue;
    if (!(await addThreads(`${procRoot}/${pid}/task`, sum, options)) && isAtWork(pid, procRoot)) sum.uncounted += 1;
  }
  const { bytes, inodes, uncounted } = sum;
  return { bytes, inodes, uncounted };
}

/** The kernel shows no descriptors at a first thread that has ended; those that run on have the same ones. */
async function addThreads(folder: string, sum: Sum, options: OpenFilesOptions): Promise<boolean> {
  for (const name of namesIn(folder).slice(-mostThreads)) {
    if (await addFolder(`${folder}/${name}/fd`, sum, options)) return true;
  }
  return false;
}

/** Whether it could be looked at. */
async function addFolder(folder: string, sum: Sum, options: OpenFilesOptions): Promise<boolean> {
  try {
    await addUnnamed(folder, sum, options);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code !== 'string') throw error;
    return false;
  }
}

/** What has ended, or is about to, holds nothing. */
function isAtWork(pid: number, procRoot: string): boolean {
  const process = readProcess(pid, procRoot);
  if (process === undefined || process.state === 'X') return false;
  return process.state !== 'Z' || process.threads > 1;
}

async function addUnnamed(folder: string, sum: Sum, { devices, links, pace }: OpenFilesOptions): Promise<void> {
  const entries = opendirSync(folder, { bufferSize: 64 });
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if (sum.left === 0) {
        sum.uncounted += 1;
        return;
      }
      sum.left -= 1;
      const file = statSync(`${folder}/${entry.name}`, { throwIfNoEntry: false });
      const isUnnamed = file?.isFile() === true && file.nlink === 0 && devices.has(file.dev);
      if (isUnnamed && links.isFirst(file.dev, file.ino)) {
        sum.bytes += file.blocks * blockBytes;
        sum.inodes += 1;
      }
      if (pace.isDue) await pace.rest();
    }
  } finally {
    entries.closeSync();
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
