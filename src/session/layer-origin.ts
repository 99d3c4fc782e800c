import type { Clock } from '../kit/clock.js';
import { OpenFolder } from '../kit/open-folder.js';
import { carryMarks } from '../workspace/apply/carry-marks.js';
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
  /** What was left out already when it was copied before. */
  readonly leftOut?: number;
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

/**
 * Copies it into the layer of a session that is not running yet, with the marks of what was discarded. Errors: SNAPSHOT_FAILED, LAYER_BUSY,
 * INIT_MISSING, an AbortError.
 */
export async function fillLayer(
  origin: LayerOrigin,
  layer: { readonly folder: string; readonly upper: string },
  options: FillOptions,
): Promise<CopiedLayer> {
  return whileCopied(origin.folder, options, async () => {
    await using from = await OpenFolder.at(origin.upper);
    await using to = await OpenFolder.at(layer.upper);
    const copied = await copyLayer(from, to, options);
    await carryMarks(origin, layer);
    return { ...copied, leftOut: copied.leftOut + (origin.leftOut ?? 0) };
  });
}

/** Nothing of what a session begins with is dropped in silence. */
export function leftOutNotes({ from }: LayerOrigin, { leftOut }: CopiedLayer): readonly string[] {
  if (leftOut === 0) return [];
  return [`${leftOut} sockets, devices, or files that can not be read were left out of what it begins with (${from})`];
}
