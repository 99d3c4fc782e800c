import type { Limits } from '../core/limits.js';
import type { SitePolicy } from '../core/site-policy.js';
import type { MountSpec, TmpfsSpec } from '../core/spec.js';
import { formatBytes } from '../core/units.js';
import { leastLimits } from './limits.js';
import { within } from './quantities.js';
import type { Wishes } from './wishes.js';

/** What else of a plan the limit of the disk depends on. */
export interface DiskSurroundings {
  readonly limits: Pick<Limits, 'fsizeBytes'>;
  readonly shmBytes: number;
  readonly mounts: readonly MountSpec[];
  readonly tmpfs: readonly TmpfsSpec[];
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
): Pick<Limits, 'diskBytes' | 'diskInodes' | 'fsizeBytes'> {
  const asked = wishes.get('diskBytes');
  const diskBytes = within(asked ?? Math.min(defaults.diskBytes, ceilings.diskBytes), {
    ...{ what: 'disk', unit: 'bytes', minimum: leastLimits.diskBytes },
    ...{ ceiling: ceilings.diskBytes, ceilingRule: 'disk.ceiling' },
  });
  const budget = { diskBytes, diskInodes: Math.min(defaults.diskInodes, ceilings.diskInodes) };
  if (asked !== undefined && mounts.every(({ readOnly }) => readOnly)) {
    wishes.notes.push('disk limits nothing: nothing on the disk can be written in this session');
  }
  const fenceBytes = Math.max(diskBytes, shmBytes, ...tmpfs.map(({ sizeBytes }) => sizeBytes));
  const wanted = wishes.get('fsizeBytes');
  if (wanted !== undefined && wanted > fenceBytes) {
    wishes.notes.push(`fsize is ${formatBytes(fenceBytes)}, since no file may be larger than the disk limit`);
  }
  return { ...budget, fsizeBytes: Math.min(limits.fsizeBytes ?? fenceBytes, fenceBytes) };
}
