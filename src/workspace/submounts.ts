import { isStrictlyInside } from '../kit/path-containment.js';
import { type Mount, parseMountinfo } from '../kit/proc/mountinfo.js';
import { readProcFile } from '../kit/proc/read.js';

const mountTableCapBytes = 8 * 1024 * 1024;

/**
 * Mount points of this host strictly inside `folder`, outermost first, each once. Undefined when the table can't be
 * read whole: then nothing may be assumed.
 */
export function readSubmounts(folder: string, mountinfoPath = '/proc/self/mountinfo'): readonly string[] | undefined {
  const text = readProcFile(mountinfoPath, mountTableCapBytes);
  if (text === undefined) return undefined;
  const table = parseMountinfo(text);
  return table.unreadableLines > 0 ? undefined : submountsOf(folder, table.mounts);
}

/** Pure part of `readSubmounts`. A mount covered by another counts too: a recursive bind takes both along. */
export function submountsOf(folder: string, mounts: readonly Mount[]): readonly string[] {
  const points = mounts.map((mount) => mount.mountPoint).filter((point) => isStrictlyInside(point, folder));
  return [...new Set(points)].sort();
}
