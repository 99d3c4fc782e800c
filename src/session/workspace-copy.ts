import { join } from 'node:path';
import { SessionError } from '../core/errors.js';
import { formatBytes } from '../core/units.js';
import { selinuxFacts } from '../sandbox/host-facts.js';
import type { ApprovedMount } from '../workspace/approve.js';
import type { CopyOptions } from '../workspace/copy-layer.js';
import type { Overlays } from '../workspace/overlays.js';
import { copyProject, workspaceUnavailable } from '../workspace/project-copy.js';
import type { LayerOrigin } from './layer-origin.js';
import type { NotedLayer } from './layers.js';

/** What it takes to show a project copy-on-write. */
export interface CopyMeans {
  /** Default: always through an overlay. */
  readonly overlays: Overlays | undefined;
  /** paddock-init, as a program of this host. */
  readonly program: string;
  readonly signal: AbortSignal;
}

export interface CopyWish extends CopyOptions {
  /** Why there is no overlay. */
  readonly why: string;
  readonly origin: LayerOrigin | undefined;
}

/** Refuses (WORKSPACE_UNAVAILABLE) to begin anything with what a session has written into a copy: nothing can be laid over a project with that. */
export function refuseCopy({ id, layer }: NotedLayer): void {
  if (layer.isCopy !== true) return;
  throw new SessionError(
    'WORKSPACE_UNAVAILABLE',
    `session ${id} writes to a copy of its project, which no snapshot and no fork can be made of`,
    {
      hint: 'Apply its changes to the project, or have state_dir on a file system that overlays can use.',
    },
  );
}

/**
 * Copies the project of a session into its layer, and says so, with all that is not in the copy. Errors: WORKSPACE_UNAVAILABLE, INIT_MISSING,
 * STATE_UNWRITABLE, an AbortError.
 */
export async function copyInto(
  folder: string,
  project: ApprovedMount,
  { why, origin, ...options }: CopyWish,
): Promise<readonly string[]> {
  // It would have to be labelled, after which the kernel says of every file in it that it was changed.
  if (selinuxFacts('default').selinuxEnforcing) {
    throw workspaceUnavailable(`it would have to be copied (${why}), and SELinux lets no sandbox use a copy`);
  }
  if (origin !== undefined)
    throw workspaceUnavailable(`${origin.from} can only be laid over it by an overlay (${why})`);
  const { entries, bytes, leftOut } = await copyProject(folder, join(folder, 'upper'), project, options);
  const missing =
    leftOut === 0 ? [] : [`${leftOut} sockets, devices or files that can not be read are not in the copy`];
  return [`the project was copied (${why}): ${entries} files and folders, ${formatBytes(bytes)}`, ...missing];
}
