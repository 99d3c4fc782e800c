import { lstat, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isInside } from '../kit/path-containment.js';
import { denied } from './rules.js';

/**
 * Refuses what is not below a root before anything else is said of it, so that whoever asks from elsewhere does not learn from the refusal what there
 * is on this host: the answer is the same for what is there and what is not. `roots` have their links resolved. What can't be hidden this way is the
 * order of things while somebody who writes below a root swaps links there. Errors: POLICY_DENIED (`workspace.outside-roots`).
 */
export async function refuseOutside(hostPath: string, roots: readonly string[]): Promise<void> {
  const place = await deepestThere(hostPath);
  if (place === undefined || !roots.some((root) => isInside(place, root)))
    throw denied('workspace.outside-roots', hostPath);
}

/** The part of a path that is there, with its links resolved; undefined where the rest hangs on a link that leads nowhere, or goes up. */
async function deepestThere(path: string): Promise<string | undefined> {
  if (path.split('/').includes('..')) return undefined;
  for (let at = path; ; at = dirname(at)) {
    const place = await realpath(at).catch(() => undefined);
    if (place !== undefined || at === dirname(at)) return place;
    const isLink = await lstat(at).then(
      (status) => status.isSymbolicLink(),
      () => false,
    );
    if (isLink) return undefined;
  }
}
