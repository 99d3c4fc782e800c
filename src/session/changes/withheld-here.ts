import { WithheldPlaces } from '../../policy/withheld.js';
import type { HostObject } from '../../workspace/approve.js';
import { pointedPlaces } from '../../workspace/changes/pointed-places.js';
import type { ProjectGit } from '../../workspace/changes/project-git.js';

export interface WithheldHere {
  /** What the site withholds besides. */
  readonly withhold: readonly string[];
  /** For the host's git. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What is withheld from that very project: also what its own links and git's settings point to. */
export async function withheldHere(
  project: HostObject,
  { withhold }: Pick<WithheldHere, 'withhold'>,
  git: ProjectGit,
  signal: AbortSignal,
): Promise<WithheldPlaces> {
  const places = new WithheldPlaces(withhold);
  const isWithheld = (path: string) => places.verdictOn({ path, target: '.' }) !== undefined;
  return new WithheldPlaces(withhold, await pointedPlaces(project, { isWithheld, git, signal }));
}
