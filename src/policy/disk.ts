import type { Limits } from '../core/limits.js';
import type { SitePolicy } from '../core/site-policy.js';
import type { MountSpec, TmpfsSpec } from '../core/spec.js';
import { formatBytes } from '../core/units.js';
import { leastLimits } from './limits.js';
import { type Range, within } from './quantities.js';
import { deny } from './verdict.js';
import type { Wishes } from './wishes.js';

/** What else of a plan the limit of the disk depends on. */
export interface DiskSurroundings {
  readonly limits: Pick<Limits, 'fsizeBytes'>;
  readonly shmBytes: number;
  readonly mounts: readonly MountSpec[];
  readonly tmpfs: readonly TmpfsSpec[];
}

/** What may be asked of the disk. */
export function diskRange({ ceilings }: Pick<SitePolicy, 'ceilings'>): Range {
  return {
    ...{ what: 'disk', unit: 'bytes', minimum: leastLimits.diskBytes },
    ...{ ceiling: ceilings.diskBytes, ceilingRule: 'disk.ceiling' },
  };
}

/**
 * How much a sandbox may add to the host's disk, which it can only through a mount that it may write. The kernel's limit on the
 * size of one file is the second fence then: a single call can allocate a file at once (fallocate), faster than anybody counts. It
 * is never so low that it would keep a file from filling a tmpfs or the shared memory, which have sizes of their own; so it is there
 * in sessions that can write nothing else as well, and a site that forbids writing never allows larger files.
 */
export function decideDisk(
  wishes: Wishes,
  { ceilings, defaults }: SitePolicy,
  { limits, shmBytes, mounts, tmpfs }: DiskSurroundings,
): Pick<Limits, 'diskBytes' | 'diskInodes' | 'fsizeBytes' | 'fsizeMostBytes'> {
  const asked = wishes.get('diskBytes');
  const diskBytes = within(asked ?? Math.min(defaults.diskBytes, ceilings.diskBytes), diskRange({ ceilings }));
  const budget = { diskBytes, diskInodes: Math.min(defaults.diskInodes, ceilings.diskInodes) };
  if (asked !== undefined && !mounts.some(takesWrites)) wishes.notes.push(limitsNothing);
  const fenceBytes = fenceOf(diskBytes, { shmBytes, tmpfs });
  const wanted = wishes.get('fsizeBytes');
  if (wanted !== undefined && wanted > fenceBytes) {
    wishes.notes.push(`fsize is ${formatBytes(fenceBytes)}, since no file may be larger than the disk limit`);
  }
  const mostBytes = fenceOf(ceilings.diskBytes, { shmBytes, tmpfs });
  return {
    ...budget,
    fsizeBytes: Math.min(limits.fsizeBytes ?? fenceBytes, fenceBytes),
    fsizeMostBytes: Math.min(limits.fsizeBytes ?? mostBytes, mostBytes),
  };
}

/** Whether what is written through a mount ends up on the disk. */
function takesWrites({ readOnly, copyOnWrite }: MountSpec): boolean {
  return !readOnly || copyOnWrite === true;
}

const limitsNothing = 'disk limits nothing: nothing on the disk can be written in this session';

function fenceOf(diskBytes: number, { shmBytes, tmpfs }: Pick<DiskSurroundings, 'shmBytes' | 'tmpfs'>): number {
  return Math.max(diskBytes, shmBytes, ...tmpfs.map(({ sizeBytes }) => sizeBytes));
}

/** What a running session is judged by that is to have another limit of its disk. */
export interface DiskFacts extends Omit<DiskSurroundings, 'limits'> {
  readonly limits: Limits;
  /** What it has added by a count of now; undefined where nobody has counted. */
  readonly addedBytes: number | undefined;
}

/**
 * Another limit of the disk for a running sandbox. Less than it has added would end every command in it at once. What starts from then
 * on can write files as large as the limit, as at a creation; what runs keeps the kernel's limit that it has.
 */
export function changeDisk(
  asked: number,
  { limits, mounts, shmBytes, tmpfs, addedBytes = 0 }: DiskFacts,
  policy: Pick<SitePolicy, 'ceilings'>,
): { readonly limits: Pick<Limits, 'diskBytes' | 'fsizeBytes'>; readonly notes: readonly string[] } {
  const diskBytes = within(asked, diskRange(policy));
  if (diskBytes < (limits.diskBytes ?? 0) && addedBytes >= diskBytes) {
    const added = formatBytes(addedBytes);
    deny(
      'disk.in-use',
      `disk ${formatBytes(diskBytes)} is no more than the ${added} that the session has added already`,
    );
  }
  const { fsizeBytes, fsizeMostBytes } = limits;
  const fenceBytes = Math.min(fsizeMostBytes ?? Number.MAX_SAFE_INTEGER, fenceOf(diskBytes, { shmBytes, tmpfs }));
  const isFenced = fsizeBytes !== undefined && fsizeMostBytes !== undefined;
  const notes = mounts.some(takesWrites) ? [] : [limitsNothing];
  if (fsizeBytes === undefined || fenceBytes === fsizeBytes) return { limits: { diskBytes }, notes };
  if (!isFenced) {
    return { limits: { diskBytes }, notes: [...notes, `One file can still have ${formatBytes(fsizeBytes)} at most.`] };
  }
  const [now, before] = [fenceBytes, fsizeBytes].map(formatBytes);
  const note = `Commands that start from now on can write files of ${now} at most; those that run keep ${before}.`;
  return { limits: { diskBytes, fsizeBytes: fenceBytes }, notes: [...notes, note] };
}
