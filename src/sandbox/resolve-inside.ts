import { lstat, readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { SandboxError } from '../core/errors.js';
import { outOfSight } from './init-identity.js';

const forbidden = ['/proc', '/sys', '/dev'];
const maxLinks = 40;

/**
 * Where a path inside a running sandbox really leads, resolved from the host through /proc/PID/root one component at a
 * time: links are read and followed within the sandbox's own root, never by the host. Refused with COMMAND_NOT_RUN
 * when it is missing, no folder, or ends in /proc, /sys or /dev (a working directory there has been the way out of a
 * container more than once, CVE-2024-21626). A process inside may still swap a folder afterwards; the OCI runtime then
 * resolves it inside the sandbox too, so this check is against mistakes and old runtimes, not the last line.
 */
export async function resolveFolderInside(initPid: number, path: string): Promise<string> {
  if (initPid === outOfSight) return lexically(path);
  const root = `/proc/${initPid}/root`;
  const pending = path.split('/').filter((part) => part !== '' && part !== '.');
  let at = '/';
  let links = 0;
  while (pending.length > 0) {
    const part = pending.shift() ?? '';
    const next = posix.resolve(at, part);
    refuseForbidden(next, path);
    const stat = await lstat(root + next).catch((cause: unknown) => {
      throw refused(path, 'is not there', cause);
    });
    if (stat.isSymbolicLink()) {
      links += 1;
      if (links > maxLinks) throw refused(path, 'has too many links');
      const target = await readlink(root + next);
      if (target.startsWith('/')) at = '/';
      pending.unshift(...target.split('/').filter((p) => p !== '' && p !== '.'));
    } else if (stat.isDirectory()) {
      at = next;
    } else {
      throw refused(path, 'is not a folder');
    }
  }
  return at;
}

/** Links are process 1's to follow then, which goes there as the command's own user and inside; nobody's way out leads through it. */
function lexically(path: string): string {
  const resolved = posix.resolve('/', path);
  refuseForbidden(resolved, path);
  return resolved;
}

function refuseForbidden(resolved: string, asked: string): void {
  if (forbidden.some((top) => resolved === top || resolved.startsWith(`${top}/`))) {
    throw refused(asked, 'leads into /proc, /sys or /dev');
  }
}

function refused(path: string, why: string, cause?: unknown): SandboxError {
  return new SandboxError('COMMAND_NOT_RUN', `the working directory ${JSON.stringify(path)} ${why}`, { cause });
}
