import type { Clock } from '../kit/clock.js';
import { OpenFolder } from '../kit/open-folder.js';
import type { HostObject } from '../workspace/approve.js';
import { type CopiedLayer, copyLayer } from '../workspace/copy-layer.js';
import { denied } from '../workspace/rules.js';
import { whileCopied } from './changes/own-layer.js';

/** What a new session begins with instead of the bare project: a copy of what another has written, or of a snapshot. */
export interface LayerOrigin {
  /** For the note of the layer: `snapshot snp_…`, `session pdk_…`. */
  readonly from: string;
  /** That of the layer or the snapshot: nobody removes it while it is copied. */
  readonly folder: string;
  readonly upper: string;
  readonly project: HostObject;
  /** Since when what was written is held against the project: not only from the new session on. */
  readonly sinceNs: bigint;
}

export interface FillOptions {
  readonly program: string;
  readonly mostBytes: number;
  readonly mostEntries: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Refuses (`workspace.origin`) a session that would not show that very project copy-on-write. */
export function refuseOtherProject(origin: LayerOrigin, shown: HostObject | undefined): void {
  const { project, from } = origin;
  if (shown?.dev === project.dev && shown.ino === project.ino) return;
  throw denied('workspace.origin', project.source, { from });
}

/** Copies it into the layer of a session that is not running yet. Errors: SNAPSHOT_FAILED, LAYER_BUSY, INIT_MISSING, an AbortError. */
export async function fillLayer(origin: LayerOrigin, upper: string, options: FillOptions): Promise<CopiedLayer> {
  return whileCopied(origin.folder, options, async () => {
    await using from = await OpenFolder.at(origin.upper);
    await using to = await OpenFolder.at(upper);
    return await copyLayer(from, to, options);
  });
}
