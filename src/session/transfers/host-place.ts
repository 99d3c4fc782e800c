import type { BigIntStats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';
import { OpenFolder } from '../../kit/open-folder.js';
import { safeLine } from '../../kit/safe-text.js';
import type { Source } from '../../sandbox/files/put-in.js';
import { type ApprovalContext, approveHostPath, refuseHidden } from '../../workspace/approve.js';
import { denied } from '../../workspace/rules.js';

/** What host paths are judged by; undefined for people at a shell, who may do with their own files what they may. */
export type Judgement = ApprovalContext | undefined;

interface Found {
  readonly path: string;
  readonly kind: 'folder' | 'file';
  readonly dev: bigint;
  readonly ino: bigint;
}

/** `DIR/.`, or `.` itself: what is in the folder, and not the folder. */
export function isContent(path: string): boolean {
  return /(?:^|\/)\.\/*$/.test(path);
}

/** A folder of the host that is open. Whoever gets it disposes of `folder`. */
export interface HostTarget {
  readonly folder: OpenFolder;
  readonly name: string | undefined;
  readonly onlyFolder: boolean;
  /** Where the top of the copy is. */
  readonly root: string;
  /** Whether the path that was given is that of the copy. */
  readonly isExact: boolean;
}

/**
 * Where a copy goes, as `cp` has it: into a folder that is there, under the name of what is copied (its content alone for `DIR/.`), or
 * else to that very path. Errors: POLICY_DENIED, BAD_ARGUMENT, those of the kernel.
 */
export async function hostTarget(hostPath: string, source: string, judgement: Judgement): Promise<HostTarget> {
  const absolute = absolutePath(hostPath, judgement);
  const found = await find(absolute, judgement);
  if (found?.kind === 'folder') {
    const folder = await opened(found, hostPath);
    const name = isContent(source) ? undefined : basename(source);
    if (name === '' || name === '..') {
      await folder[Symbol.asyncDispose]();
      throw new PaddockError('BAD_ARGUMENT', `${safeLine(source)} has no name; say ${safeLine(source)}/.`);
    }
    const root = name === undefined ? found.path : join(found.path, name);
    return { folder, name, onlyFolder: name === undefined, root, isExact: false };
  }
  const parent = await find(dirname(absolute), judgement);
  if (parent?.kind !== 'folder') throw missing(dirname(absolute));
  const name = basename(absolute);
  const folder = await opened(parent, hostPath);
  return { folder, name, onlyFolder: hostPath.endsWith('/'), root: join(parent.path, name), isExact: true };
}

/** What is copied: a file, or all that a folder holds. Whoever gets it disposes of `folder`. Errors: as above. */
export async function hostSource(
  hostPath: string,
  judgement: Judgement,
): Promise<Omit<Source, 'as'> & { readonly path: string }> {
  const absolute = absolutePath(hostPath, judgement);
  const found = await find(absolute, judgement);
  if (found === undefined) throw missing(absolute);
  const { path } = found;
  if (found.kind === 'folder') return { folder: await opened(found, hostPath), name: undefined, path };
  if (hostPath.endsWith('/')) throw new PaddockError('BAD_ARGUMENT', `${safeLine(hostPath)} is no folder`);
  const folder = await OpenFolder.at(dirname(path));
  return { folder, name: basename(path), path, isMeant: (status) => isSame(status, found) };
}

function absolutePath(path: string, judgement: Judgement): string {
  if (path === '' || path.includes('\0')) throw new PaddockError('BAD_ARGUMENT', 'the host path is none');
  // Whoever calls from elsewhere has another working directory; a person has ours.
  if (judgement !== undefined && !path.startsWith('/')) throw denied('workspace.form', path);
  return resolve(path);
}

async function find(path: string, judgement: Judgement): Promise<Found | undefined> {
  if (judgement !== undefined) await refuseHidden(path, judgement);
  const there = await lstat(path).catch(goneIsUndefined);
  if (there === undefined) return undefined;
  if (judgement !== undefined) {
    // Neither mounted nor written by an engine: as a folder or file that is only shown.
    const approved = await approveHostPath({ hostPath: path, readOnly: true, purpose: 'mcp' }, judgement);
    return { path: approved.source, kind: approved.kind, dev: BigInt(approved.dev), ino: BigInt(approved.ino) };
  }
  const real = await realpath(path).catch((cause: unknown) => {
    throw new PaddockError('BAD_ARGUMENT', `${safeLine(path)} leads nowhere`, { cause });
  });
  const status = await lstat(real, { bigint: true });
  if (!status.isDirectory() && !status.isFile()) {
    throw new PaddockError('BAD_ARGUMENT', `${safeLine(path)} is neither a folder nor a regular file`);
  }
  return { path: real, kind: status.isDirectory() ? 'folder' : 'file', dev: status.dev, ino: status.ino };
}

/** The very folder that was looked at, or nothing. */
async function opened(found: Found, hostPath: string): Promise<OpenFolder> {
  const folder = await OpenFolder.at(found.path);
  if (isSame(await folder.stat(), found)) return folder;
  await folder[Symbol.asyncDispose]();
  throw denied('workspace.changed', hostPath);
}

function isSame(status: BigIntStats, { dev, ino }: Found): boolean {
  return status.dev === dev && status.ino === ino;
}

function missing(path: string): PaddockError {
  return new PaddockError('BAD_ARGUMENT', `${safeLine(path)} is not there`);
}

function goneIsUndefined(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}
