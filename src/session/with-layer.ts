import { dirname } from 'node:path';
import type { SessionId } from '../core/ids.js';
import { known } from '../kit/known.js';
import type { ApprovedPath } from '../sandbox/maker.js';
import type { ApprovedMount } from '../workspace/approve.js';
import { writeLayerNote } from '../workspace/layer-note.js';
import { makeWriteLayer } from '../workspace/write-layer.js';
import { type FillOptions, fillLayer, type LayerOrigin, leftOutNotes, refuseOtherProject } from './layer-origin.js';
import type { LayerPlaces } from './layers.js';
import type { SessionRecord } from './record.js';
import { type CopyMeans, copyInto } from './workspace-copy.js';

/** An approved path, and whether it is to be shown copy-on-write. */
export interface CheckedPath extends Omit<ApprovedPath, 'layer' | 'copy'> {
  readonly copyOnWrite: boolean;
}

/** What it takes to show a project copy-on-write, and what a session begins with. */
type LayerMeans = CopyMeans & Pick<FillOptions, 'clock'> & { readonly origin: LayerOrigin | undefined };

interface WithLayer {
  readonly approved: readonly ApprovedPath[];
  readonly record: SessionRecord;
  /** What its caller is to know. */
  readonly notes: readonly string[];
}

/** Makes what takes the writing to the path that is shown copy-on-write; the record is on the disk, so that it goes with it. */
export async function withLayer(
  places: LayerPlaces,
  record: SessionRecord,
  checked: readonly CheckedPath[],
  { origin, ...means }: LayerMeans,
): Promise<WithLayer> {
  const folder = places.layerFolder(record.id as SessionId);
  const shown = checked.find(({ copyOnWrite }) => copyOnWrite);
  if (origin !== undefined) refuseOtherProject(origin, shown?.mount);
  if (shown === undefined) return { approved: checked, record, notes: [] };
  // Rather no session than one whose work can't be kept as it is to be.
  await places.sealing?.seals.expectKey();
  const { layer, upper, sinceNs } = await makeWriteLayer(folder, shown.mount, means.program);
  const why = await means.overlays?.reasonToCopy(shown.mount, dirname(layer.upper), means.signal);
  const note = noteOf(record, shown.mount, sinceNs, origin);
  const { program, clock, signal } = means;
  await writeLayerNote(folder, why === undefined ? note : { ...note, copy: { program } });
  const options = { program, clock, signal, onProgress: means.onProgress, ...mostOf(record) };
  const begun =
    why === undefined
      ? await filledFrom(origin, { folder, upper: layer.upper }, options)
      : await copyInto(folder, shown.mount, { ...options, why, origin });
  const taking = why === undefined ? { layer } : { copy: upper };
  const roots = [...record.writableRoots, { ...upper }];
  return {
    approved: checked.map((one) => (one === shown ? { ...one, ...taking } : one)),
    record: { ...record, writableRoots: roots, ...(why === undefined ? {} : { isCopy: true }) },
    notes: begun,
  };
}

async function filledFrom(
  origin: LayerOrigin | undefined,
  layer: { readonly folder: string; readonly upper: string },
  options: FillOptions,
): Promise<readonly string[]> {
  return origin === undefined ? [] : leftOutNotes(origin, await fillLayer(origin, layer, options));
}

/** No more than it may add to the disk. */
function mostOf({ spec: { limits } }: SessionRecord): { readonly mostBytes: number; readonly mostEntries: number } {
  return { mostBytes: limits.diskBytes ?? 0, mostEntries: limits.diskInodes ?? 0 };
}

function noteOf(
  { id, name, apiKey, createdAtMs, spec }: SessionRecord,
  { source, dev, ino }: ApprovedMount,
  sinceNs: bigint,
  origin: LayerOrigin | undefined,
): Parameters<typeof writeLayerNote>[1] {
  return {
    version: 1,
    session: id,
    ...(name === undefined ? {} : { name }),
    ...(apiKey === undefined ? {} : { apiKey }),
    madeAtMs: createdAtMs,
    project: { source, dev, ino },
    sinceNs: String(origin?.sinceNs ?? sinceNs),
    ...(origin === undefined ? {} : { from: origin.from }),
    keepMs: spec.keepChangesMs ?? 0,
    ...known({ diskBytes: spec.limits.diskBytes }),
  };
}
