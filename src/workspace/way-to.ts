import { lstat, readlink, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';

// As many as the kernel follows.
const maxLinks = 40;

/** A name that was looked at: the folder that holds it is one with links resolved. */
interface Step {
  readonly place: string;
  readonly isLink: boolean;
}

export interface WayTo {
  /** With all links resolved. */
  readonly real: string;
  /** What any other thing in the place of would have led elsewhere, also what only links name. */
  readonly steps: readonly Step[];
}

/** How an absolute path leads where it does, one link at a time; undefined where it leads nowhere, or elsewhere by the time its end is reached. */
export async function wayTo(path: string): Promise<WayTo | undefined> {
  const steps: Step[] = [];
  // The next one is the last.
  const names = path.split('/').toReversed();
  let real = '/';
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      real = dirname(real);
      continue;
    }
    const place = `${real === '/' ? '' : real}/${name}`;
    const link = await linkAt(place).catch(() => null);
    if (link === null) return undefined;
    steps.push({ place, isLink: link !== undefined });
    if (steps.filter(({ isLink }) => isLink).length > maxLinks) return undefined;
    if (link === undefined) real = place;
    else names.push(...link.split('/').toReversed());
    if (link?.startsWith('/') === true) real = '/';
  }
  return (await realpath(path).catch(() => undefined)) === real ? { real, steps } : undefined;
}

async function linkAt(place: string): Promise<string | undefined> {
  return (await lstat(place)).isSymbolicLink() ? await readlink(place) : undefined;
}
