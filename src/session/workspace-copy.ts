import { join } from 'node:path';
import { formatBytes } from '../core/units.js';
import { selinuxFacts } from '../sandbox/host-facts.js';
import type { ApprovedMount } from '../workspace/approve.js';
import type { CopyOptions } from '../workspace/copy-layer.js';
import type { Overlays } from '../workspace/overlays.js';
import { copyProject, workspaceUnavailable } from '../workspace/project-copy.js';
import { type FillOptions, fillCopy, type LayerOrigin, leftOutNotes } from './layer-origin.js';

/** What it takes to show a project copy-on-write. */
export interface CopyMeans {
  /** Default: always through an overlay. */
  readonly overlays: Overlays | undefined;
  /** paddock-init, as a program of this host. */
  readonly program: string;
  readonly signal: AbortSignal;
  /** Told from time to time how far the copying is, of the project or of what a session begins with. */
  readonly onProgress?: CopyOptions['onProgress'];
}

export interface CopyWish extends FillOptions {
  /** Why there is no overlay. */
  readonly why: string;
  readonly origin: LayerOrigin | undefined;
}

/**
 * Copies the project of a session into its layer, with what it begins with, and says so, with all that is not in the copy. Errors:
 * WORKSPACE_UNAVAILABLE, INIT_MISSING, STATE_UNWRITABLE, those of `fillLayer`, an AbortError.
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
  const layer = { folder, upper: join(folder, 'upper') };
  const { entries, bytes, leftOut } = await copyProject(folder, layer.upper, project, options);
  const missing =
    leftOut === 0 ? [] : [`${leftOut} sockets, devices or files that can not be read are not in the copy`];
  const begun = origin === undefined ? [] : leftOutNotes(origin, await fillCopy(origin, layer, options));
  return [`the project was copied (${why}): ${entries} files and folders, ${formatBytes(bytes)}`, ...missing, ...begun];
}
