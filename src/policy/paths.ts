import { workspaceTarget } from '../core/spec.js';
import { plainLine } from './text.js';
import { deny } from './verdict.js';

// Engines join mounts into comma lists and split binds at colons, so these characters would add options. The
// backslash and the quotes are there because some of those lists are CSV.
const separators = /[,:"'`\\]/;

/**
 * The lexical half of a host path's checks: absolute, normal enough, nothing an engine could split at. Whether the
 * folder is there, whose it is and where it really lies is for `workspace` to find out.
 */
export function hostPath(value: string, what: string): string {
  plainLine(value, what, 4095, 'host-path.malformed');
  if (!value.startsWith('/')) deny('host-path.malformed', `${what} is not absolute: ${value}`);
  if (separators.test(value)) deny('host-path.malformed', `${what} holds a separator: ${value}`);
  const parts = value.split('/');
  if (parts.includes('..')) deny('host-path.malformed', `${what} goes up: ${value}`);
  if (parts.some((part) => part.length > 255)) deny('host-path.malformed', `${what} has a part that is too long`);
  return value;
}

/** Whether `path` is `root` or lies beneath it; both normalised. */
export function isWithin(path: string, root: string): boolean {
  return path === root || root === '/' || path.startsWith(`${root}/`);
}

/** `//a/./b/` as `/a/b`. */
export function normalised(path: string): string {
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}

const kernelFolders = ['/proc', '/sys', '/dev'];
// What the image and we ourselves need to stay as they are; an empty folder or a caller's file in their place would
// break the sandbox or stand in for our own program.
const keptFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/etc', workspaceTarget];
/** Beneath scratch folders or the root, so that their parents may be resized but they themselves not covered. */
const ownFolders = ['/.paddock', '/run/paddock'];

/** An absolute path inside the sandbox for a working directory, normalised; never in the kernel's folders. */
export function insidePath(value: string, what: string): string {
  plainLine(value, what, 4095, 'path.inside');
  if (!value.startsWith('/')) deny('path.inside', `${what} is not absolute: ${value}`);
  if (separators.test(value)) deny('path.inside', `${what} holds a separator: ${value}`);
  if (value.split('/').includes('..')) deny('path.inside', `${what} goes up: ${value}`);
  const path = normalised(value);
  // /proc/self/fd/N as a working directory was CVE-2024-21626.
  const kernel = kernelFolders.find((folder) => isWithin(path, folder));
  if (kernel !== undefined) deny('path.inside', `${what} lies under ${kernel}: ${value}`);
  return path;
}

/** A path inside that something may be mounted on: neither over, under nor in place of what must stay. */
export function mountTarget(value: string, what: string): string {
  const path = insidePath(value, what);
  const kept =
    keptFolders.find((folder) => isWithin(path, folder) || isWithin(folder, path)) ??
    ownFolders.find((folder) => isWithin(path, folder));
  if (kept !== undefined) deny('path.inside', `${what} would cover ${kept}: ${value}`);
  return path;
}
