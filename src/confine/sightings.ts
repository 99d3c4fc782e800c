import { lstat } from 'node:fs/promises';
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
    const stat = await lstat(path, { bigint: true });
    const { dev, ino, rdev } = stat;
    return { dev: String(dev), ino: String(ino), rdev: deviceText(rdev), isLink: stat.isSymbolicLink() };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
  }
}

/**
 * lstat of paths inside a sandbox, through `/proc/PID/root`. An absolute link on the way would be resolved against our
 * own root, so a path with a link above its last component is reported as that link.
 */
export async function sightInside(rootPath: string, paths: readonly string[]): Promise<ReadonlyMap<string, Sighting>> {
  const prefixes = [...new Set(paths.flatMap(prefixesOf))];
  const seen = new Map(
    await Promise.all(prefixes.map(async (path) => [path, await sight(`${rootPath}${path}`)] as const)),
  );
  const result = new Map<string, Sighting>();
  for (const path of paths) {
    const onTheWay = prefixesOf(path).map((prefix) => seen.get(prefix) ?? 'unreadable');
    result.set(path, onTheWay.find(isLink) ?? onTheWay.at(-1) ?? 'unreadable');
  }
  return result;
}

function prefixesOf(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function isLink(sighting: Sighting): boolean {
  return typeof sighting === 'object' && sighting.isLink;
}
