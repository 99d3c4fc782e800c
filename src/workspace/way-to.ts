import { lstat, readlink, realpath } from 'node:fs/promises';
import { followLinks } from './follow-links.js';

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
  const real = await followLinks(path, async (place) => {
    const link = await linkAt(place).catch(() => null);
    if (link === null) return undefined;
    steps.push({ place, isLink: link !== undefined });
    return link === undefined ? { real: place } : { link };
  });
  if (real === undefined || (await realpath(path).catch(() => undefined)) !== real) return undefined;
  return { real, steps };
}

async function linkAt(place: string): Promise<string | undefined> {
  return (await lstat(place)).isSymbolicLink() ? await readlink(place) : undefined;
}
