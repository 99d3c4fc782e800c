import { realpath } from 'node:fs/promises';
import { isInside } from '../kit/path-containment.js';
import { isExchangeable, type RootNow, type RootsContext, rootsNow } from './roots-now.js';
import { denied } from './rules.js';
import { type WayTo, wayTo } from './way-to.js';

/** `allowedRoots`: folders of programs. */
export interface ProgramsContext extends RootsContext {
  /** Below which sessions of anybody may have projects, by the site's policy. Default `allowedRoots`. */
  readonly siteRoots?: readonly string[];
}

/** Folders of programs, and what else is asked of one that is to be shown. */
interface ProgramsNow {
  /** Where they lie. */
  readonly roots: readonly RootNow[];
  /** The same for the way to what was asked for, which was found at `resolved`. Errors: POLICY_DENIED (`workspace.programs-link`, `.changed`). */
  refuseLed(resolved: string): Promise<void>;
}

/**
 * Where the folders of programs lie now, of which all sessions are shown what they name, also those of other keys. A link on the way to one may be of a
 * session that writes a project there, and lead to any folder of the host; a real folder there holds only what that session can read. So a folder that such
 * a link leads to is none. Errors: POLICY_DENIED (`workspace.programs-link`, for what is asked for in one of those).
 */
export async function programsNow(hostPath: string, context: ProgramsContext): Promise<ProgramsNow> {
  const isLed = await leaderOf(context);
  const roots: RootNow[] = [];
  for (const written of context.allowedRoots) {
    const way = await wayTo(written);
    if (way === undefined) continue;
    if (!isLed(way)) roots.push({ written, real: way.real });
    // Unseen: what is below it by now is nothing to tell of.
    else if (isInside(hostPath, written)) throw denied('workspace.programs-link', hostPath);
  }
  const refuseLed = async (resolved: string): Promise<void> => {
    const way = await wayTo(hostPath);
    // A link that was there for a moment only would not be seen.
    if (way?.real !== resolved) throw denied('workspace.changed', hostPath);
    if (isLed(way)) throw denied('workspace.programs-link', hostPath);
  };
  return { roots, refuseLed };
}

async function leaderOf({ allowedRoots, siteRoots = allowedRoots, homeDir }: ProgramsContext) {
  const home = await realpath(homeDir).catch(() => homeDir);
  const projects = (await rootsNow({ allowedRoots: siteRoots, homeDir })).map(({ real }) => real);
  return ({ steps }: WayTo): boolean =>
    steps.some(({ place, isLink }) => isLink && isExchangeable(place, projects, home));
}
