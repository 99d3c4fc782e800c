import { formatBytes } from '../../core/units.js';
import type { DiskUsage } from '../../monitor/disk/usage.js';

/** The rule that ends commands at the limit of the disk, and keeps others from starting. */
export const diskRule = 'disk.limit';

export const diskHint =
  'Delete what is not needed from the project on the host, then call again: what is there is counted anew. Or give the session a larger disk with update_session, or `paddock update ID --disk SIZE`.';

/** How near the limit a session is. */
export type DiskLevel = 'usual' | 'warning' | 'critical' | 'reached';

export function diskLevelOf({ bytes, inodes, limits }: DiskUsage): DiskLevel {
  const share = Math.max(bytes / limits.bytes, inodes / limits.inodes);
  if (share >= 1) return 'reached';
  if (share >= 0.95) return 'critical';
  return share >= 0.8 ? 'warning' : 'usual';
}

/** What a session has added to the disk, for people. */
export function diskText({ bytes, inodes, limits }: DiskUsage): string {
  return `${formatBytes(bytes)} of ${formatBytes(limits.bytes)}, ${inodes} of ${limits.inodes} files and folders`;
}
