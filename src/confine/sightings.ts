import { type BigIntStats, lstatSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { codeOf } from '../kit/error-code.js';
import type { Sighting } from './observation.js';

/** `major:minor` of a device number, as mountinfo writes it (glibc's makedev layout). */
export function deviceText(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** lstat of one path, its number fields as decimal text. */
export async function sight(path: string): Promise<Sighting> {
  try {
    return sightingOf(await lstat(path, { bigint: true }));
  } catch (error) {
    return sightingOfNone(error);
  }
}

/** The same at once, for the kernel's own file systems: a turn through the thread pool takes longer, and there are dozens. */
function sightNow(path: string): Sighting {
  try {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? 'missing' : sightingOf(stat);
  } catch (error) {
    return sightingOfNone(error);
  }
}

function sightingOf(stat: BigIntStats): Sighting {
  const { dev, ino, rdev } = stat;
  return { dev: String(dev), ino: String(ino), rdev: deviceText(rdev), isLink: stat.isSymbolicLink() };
}

function sightingOfNone(error: unknown): Sighting {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
}

/** What lies there is the kernel's, or the engine's in memory; anywhere else may be a network's. */
const isQuick = (path: string): boolean => /^\/(proc|sys|dev)(\/|$)/.test(path);

/**
 * lstat of paths inside a sandbox, through `/proc/PID/root`. An absolute link on the way would be resolved against our
 * own root, so a path with a link above its last component is reported as that link.
 */
export async function sightInside(rootPath: string, paths: readonly string[]): Promise<ReadonlyMap<string, Sighting>> {
  const seen = new Map<string, Sighting | Promise<Sighting>>();
  const look = (path: string) => {
    const known = seen.get(path) ?? (isQuick(path) ? sightNow : sight)(`${rootPath}${path}`);
    seen.set(path, known);
    return known;
  };
  return new Map(await Promise.all(paths.map(async (path) => [path, await firstLinkOrLast(path, look)] as const)));
}

/** Nothing beyond a link is looked at: it would be looked for on this host. */
export async function firstLinkOrLast(
  path: string,
  look: (path: string) => Sighting | Promise<Sighting>,
): Promise<Sighting> {
  let last: Sighting = 'unreadable';
  for (const prefix of prefixesOf(path)) {
    const found = look(prefix);
    last = found instanceof Promise ? await found : found;
    if (isLink(last)) break;
  }
  return last;
}

/** The path and every folder above it but the root, from there on. */
export function prefixesOf(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function isLink(sighting: Sighting): boolean {
  return typeof sighting === 'object' && sighting.isLink;
}
