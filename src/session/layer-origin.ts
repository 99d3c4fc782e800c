import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kit/clock.js';
import { OpenFolder } from '../kit/open-folder.js';
import { removeTree } from '../kit/remove-tree.js';
import { carryMarks } from '../workspace/apply/carry-marks.js';
import type { HostObject } from '../workspace/approve.js';
import { type Layer, openedLayer } from '../workspace/changes/layer.js';
import { copyChanges } from '../workspace/copy-changes.js';
import { type CopiedLayer, type CopyOptions, layOver } from '../workspace/copy-layer.js';
import { denied } from '../workspace/rules.js';
import { expectAsRead, whileCopied } from './changes/own-layer.js';

/**
 * What a new session begins with instead of the bare project: a copy of what another has changed, or of a snapshot. Of its folder nobody removes
 * anything while it is copied, and since its time what was changed is held against the project, not only from the new session on.
 */
export interface LayerOrigin extends Layer {
  /** For the note of the layer: `snapshot snp_…`, `session pdk_…`. */
  readonly from: string;
  /** What was left out already when it was copied before. */
  readonly leftOut?: number;
}

/** How much may be copied, and what it takes. */
export interface FillOptions extends CopyOptions {
  readonly clock: Clock;
}

/** The layer of a session that is not running yet. */
type EmptyLayer = Pick<Layer, 'folder' | 'upper'>;

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
export async function fillLayer(origin: LayerOrigin, layer: EmptyLayer, options: FillOptions): Promise<CopiedLayer> {
  return whileCopied(origin.folder, options, async () => {
    await expectAsRead(origin);
    // Whoever waits for the session is told that it is still being made.
    await using open = await openedLayer(origin, options.signal, true);
    await using to = await OpenFolder.at(layer.upper);
    const copied = await copyChanges(open.layer, to, options);
    return await begun({ ...origin, ...open.layer }, layer, copied);
  });
}

/** The same over a copy of the project, which the session is to write to. Errors as above. */
export async function fillCopy(closed: LayerOrigin, layer: EmptyLayer, options: FillOptions): Promise<CopiedLayer> {
  return whileCopied(closed.folder, options, async () => {
    await expectAsRead(closed);
    await using open = await openedLayer(closed, options.signal, true);
    const origin = { ...closed, ...open.layer };
    await using to = await OpenFolder.at(layer.upper);
    if (origin.isCopy !== true) {
      await using from = await OpenFolder.at(origin.upper);
      return await begun(origin, layer, await layOver(from, to, options));
    }
    const between = join(layer.folder, 'between');
    await mkdir(between, { mode: 0o700 });
    try {
      await using changes = await OpenFolder.at(between);
      const copied = await copyChanges(origin, changes, options);
      await layOver(changes, to, options);
      return await begun(origin, layer, copied);
    } finally {
      await removeTree(between);
    }
  });
}

async function begun(origin: LayerOrigin, layer: EmptyLayer, copied: CopiedLayer): Promise<CopiedLayer> {
  await carryMarks(origin, layer);
  return { ...copied, leftOut: copied.leftOut + (origin.leftOut ?? 0) };
}

/** Nothing of what a session begins with is dropped in silence. */
export function leftOutNotes({ from }: LayerOrigin, { leftOut }: CopiedLayer): readonly string[] {
  if (leftOut === 0) return [];
  return [`${leftOut} sockets, devices, or files that can not be read were left out of what it begins with (${from})`];
}
