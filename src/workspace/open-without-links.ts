import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { codeOf } from '../kit/error-code.js';
import { openPathOnly } from '../kit/open-path-only.js';
import { denied } from './rules.js';

/** What was at a path when it was opened. `dev` and `ino` are decimal text: both can exceed a safe integer. */
export interface OpenedPath {
  /** The path with all links resolved. */
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  readonly uid: number;
  readonly kind: 'folder' | 'file' | 'other';
}

/**
 * Resolves a path, then walks the result from `/` one component at a time through descriptors, following no link: a
 * component that becomes a link between the two is noticed instead of followed (`workspace.changed`). Opens with
 * O_PATH, so no FIFO can hang it and no read permission is needed. Throws PolicyDenied (`workspace.missing`,
 * `.unreadable`, `.changed`); leaves nothing open.
 */
export async function openWithoutLinks(hostPath: string): Promise<OpenedPath> {
  const resolved = await realpath(hostPath).catch((error: unknown) => {
    throw refusal(error, hostPath);
  });
  return openResolved(resolved, hostPath);
}

/** The same for a path whose links somebody has resolved already; `hostPath`: as it was asked for. */
export async function openResolved(resolved: string, hostPath: string): Promise<OpenedPath> {
  const handle = await walkDown(resolved);
  try {
    const [now, stat] = await Promise.all([readlink(`/proc/self/fd/${handle.fd}`), handle.stat({ bigint: true })]);
    if (now !== resolved) throw denied('workspace.changed', hostPath);
    const kind = stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : 'other';
    return { path: resolved, dev: String(stat.dev), ino: String(stat.ino), uid: Number(stat.uid), kind };
  } finally {
    await handle.close();
  }
}

/** Opens `resolved`, an absolute path that is said to hold no link; the caller closes it. */
export async function walkDown(resolved: string): Promise<FileHandle> {
  let handle = await open('/', openPathOnly | constants.O_DIRECTORY);
  for (const part of resolved.split('/').filter((name) => name !== '')) {
    const parent = handle;
    try {
      handle = await openChild(parent, part, resolved);
    } finally {
      await parent.close();
    }
  }
  return handle;
}

async function openChild(parent: FileHandle, name: string, path: string): Promise<FileHandle> {
  const child = await open(`/proc/self/fd/${parent.fd}/${name}`, openPathOnly | constants.O_NOFOLLOW).catch(
    (error: unknown) => {
      throw refusal(error, path);
    },
  );
  // With O_PATH, O_NOFOLLOW opens the link itself instead of failing.
  if (!(await child.stat()).isSymbolicLink()) return child;
  await child.close();
  throw denied('workspace.changed', path);
}

/** What the kernel says of a path, as a rule. */
export function refusal(error: unknown, path: string): Error {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return denied('workspace.missing', path, {}, error);
  return denied('workspace.unreadable', path, { reason: typeof code === 'string' ? code : 'unknown' }, error);
}
