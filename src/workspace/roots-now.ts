import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isInside } from '../kit/path-containment.js';
import { isNeverProject } from './path-rules.js';
import { wayTo } from './way-to.js';

/** Folders below which projects may lie, and by whom they were named. */
export interface RootsContext {
  /** As they were written. */
  readonly allowedRoots: readonly string[];
  /** Those of them that somebody was given, who goes by where they really lie. */
  readonly fixedRoots?: readonly string[];
  readonly homeDir: string;
}

/** A root that allows something: as it was written, and where it lies. */
export interface RootNow {
  readonly written: string;
  readonly real: string;
}

interface Found extends RootNow {
  /** All that is on the way to it, each as it really lies. */
  readonly places: readonly string[];
}

/**
 * Where the roots lie now. A folder on the way to a root may be in a project that another session writes, which could put a link there and so name
 * any folder of the host a root. So a fixed root that lies elsewhere by now allows nothing, and neither does one whose way leads through what lies
 * below another root, or below itself: the other one allows what is really there. What no project can hold, home itself above all, is no such place. A
 * root that does not exist allows nothing. That another _folder_ lies there is not looked at: who can exchange it could have written in it, and its number
 * is another one after a restore, too.
 */
export async function rootsNow({ allowedRoots, fixedRoots = [], homeDir }: RootsContext): Promise<readonly RootNow[]> {
  const home = await realpath(homeDir).catch(() => homeDir);
  const hangsOn = ({ places }: Found, { real }: Found): boolean =>
    places.some((place) => isExchangeable(place, [real], home));
  const found = (await Promise.all(allowedRoots.map(find))).filter((one) => one !== undefined);
  const isElsewhere = ({ written, real }: Found): boolean => fixedRoots.includes(written) && real !== written;
  let open = found.filter((one) => !isElsewhere(one) && !hangsOn(one, one));
  const kept: Found[] = [];
  // One that is led elsewhere takes nothing from those that it seems to hold now: first come those that hang on no other, whatever it is.
  for (let sure = open; sure.length > 0; kept.push(...sure)) {
    sure = open.filter((one) => !open.some((other) => other !== one && hangsOn(one, other)));
    open = open.filter((one) => !sure.includes(one) && !sure.some((other) => hangsOn(one, other)));
  }
  return found.filter((one) => kept.includes(one)).map(({ written, real }) => ({ written, real }));
}

/** Whether a session that is given a project below one of these folders could put something else in that place; all with links resolved. */
export function isExchangeable(place: string, roots: readonly string[], homeDir: string): boolean {
  const folder = dirname(place);
  return roots.some((root) => isInside(folder, root)) && !isNeverProject(folder, homeDir);
}

async function find(written: string): Promise<Found | undefined> {
  const way = await wayTo(written);
  return way === undefined ? undefined : { written, real: way.real, places: way.steps.map(({ place }) => place) };
}
