import { lstat, readlink, realpath } from 'node:fs/promises';
import { isInside } from '../kit/path-containment.js';
import { followLinks } from './follow-links.js';
import { refusal } from './open-without-links.js';
import type { RootNow } from './roots-now.js';
import { denied } from './rules.js';

/** What somebody from elsewhere may go by. */
interface Known {
  /** With their links resolved. */
  readonly roots: readonly string[];
  /** What lies on the way to a root, as it is written and as it really lies, with where each leads: nobody has to look there. */
  readonly ways: ReadonlyMap<string, string>;
}

/**
 * Where a path leads, for whoever asks from elsewhere and is to learn nothing of what lies outside the roots: every step is looked at by itself, also
 * those that a link says, and what leaves the roots is refused unseen. So the answer is the same for what is there and what is not, even where the
 * rest would come back (`ROOT/link` to `/home/ann/x/../../..ROOT`). A link that others than the policy have on the way to a root is outside, too.
 * What can't be hidden this way is the order of things while somebody who writes below a root swaps links there. Errors: POLICY_DENIED (`workspace.outside-roots`, of what is inside also `.missing` and `.unreadable`).
 */
export async function resolveInside(hostPath: string, roots: readonly RootNow[]): Promise<string> {
  const { roots: real, ways } = await knownOf(roots);
  const isBelow = (path: string): boolean => real.some((root) => isInside(path, root));
  if (hostPath.split('/').includes('..')) throw denied('workspace.outside-roots', hostPath);
  const place = await followLinks(hostPath, async (at, isLast) => {
    const way = ways.get(at);
    if (way !== undefined) return { real: way };
    if (!isBelow(at)) throw denied('workspace.outside-roots', hostPath);
    const { link, isFolder } = await look(at, hostPath);
    if (link !== undefined) return { link };
    if (!isFolder && !isLast) throw denied('workspace.missing', hostPath);
    return { real: at };
  });
  if (place === undefined) throw denied('workspace.unreadable', hostPath, { reason: 'ELOOP' });
  if (!isBelow(place)) throw denied('workspace.outside-roots', hostPath);
  return place;
}

/** What is there, with where it leads if that is a link. */
async function look(path: string, hostPath: string): Promise<{ readonly link?: string; readonly isFolder: boolean }> {
  try {
    const status = await lstat(path);
    return status.isSymbolicLink()
      ? { link: await readlink(path), isFolder: false }
      : { isFolder: status.isDirectory() };
  } catch (error) {
    throw refusal(error, hostPath);
  }
}

async function knownOf(roots: readonly RootNow[]): Promise<Known> {
  const ways = new Map<string, string>();
  for (const { written: path, real } of roots) {
    for (const name of prefixes(real)) ways.set(name, name);
    // The policy may call it by another name (`/home/ann` that lies in `/var/home`), and so may who asks.
    let place = '/';
    for (const name of path.split('/').filter((part) => part !== '')) {
      const at = `${place === '/' ? '' : place}/${name}`;
      place = await realpath(at).catch(() => at);
      ways.set(at, place);
    }
  }
  return { roots: roots.map(({ real }) => real), ways };
}

function prefixes(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}
