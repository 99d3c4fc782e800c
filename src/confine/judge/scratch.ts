import { formatBytes, parseBytes } from '../../core/units.js';
import { isInside } from '../../kit/path-containment.js';
import type { Mount } from '../../kit/proc/mountinfo.js';
import { mountAt } from '../../kit/proc/visible-mounts.js';
import { safeLine } from '../../kit/safe-text.js';
import { isMask, isReadOnly } from '../engine-mounts.js';
import type { Observation } from '../observation.js';
import { control, type Judge, type Problem, unreadable, worst } from './control.js';

/** The kernel rounds a size up to whole pages; 64 KiB is the largest page Linux uses. */
const pageSlackBytes = 64 * 1024;

/** Every scratch folder is a tmpfs of at most the asked size, writable, nosuid, nodev, and noexec unless asked otherwise. */
export const judgeTmpfs: Judge = (seen, { spec }) => {
  const shm = { target: '/dev/shm', sizeBytes: spec.shmBytes, executable: false };
  const wanted = [...spec.tmpfs, shm];
  const asked = wanted.map(({ target, sizeBytes }) => `${safeLine(target, 40)} ${formatBytes(sizeBytes)}`).join(', ');
  const { mounts } = seen;
  if (mounts === undefined) return unreadable('tmpfs', asked, undefined, '/proc/PID/mountinfo');
  const problems = wanted.flatMap(({ target, sizeBytes, executable }): Problem[] => {
    const mount = mountAt(mounts, target);
    const name = safeLine(target, 40);
    if (mount?.fsType !== 'tmpfs') return [{ status: 'absent', text: `${name} is no tmpfs` }];
    const size = sizeOf(mount);
    const missing = ['nosuid', 'nodev', ...(executable ? [] : ['noexec'])].filter((o) => !mount.options.includes(o));
    const texts = missing.map((option) => `${name} lacks ${option}`);
    if (isReadOnly(mount)) texts.push(`${name} is read-only`);
    if (size === undefined) texts.push(`${name} has no size limit`);
    else if (size > sizeBytes + pageSlackBytes) texts.push(`${name} holds ${formatBytes(size)}`);
    return texts.map((text) => ({ status: 'degraded', text }));
  });
  const kernel = wanted
    .map(({ target }) => mountAt(mounts, target))
    .map((mount) => (mount === undefined ? '-' : `${safeLine(mount.mountPoint, 40)} ${sizeText(mount)}`))
    .join(', ');
  const note = problems.length === 0 ? undefined : problems.map(({ text }) => text).join('; ');
  return control('tmpfs', { asked, kernel }, worst(problems.map(({ status }) => status)), note);
};

/** What must not be read is covered, or not there at all. */
export const judgeMaskedPaths: Judge = (seen, { spec }) => {
  const asked = `${spec.maskedPaths.length} paths`;
  const { mounts } = seen;
  if (mounts === undefined) return unreadable('masked-paths', asked, undefined, '/proc/PID/mountinfo');
  const states = spec.maskedPaths.map((path) => ({ path, state: maskState(path, mounts, seen) }));
  const open = states.filter(({ state }) => state === 'open').map(({ path }) => safeLine(path, 60));
  const unread = states.filter(({ state }) => state === 'unreadable').map(({ path }) => safeLine(path, 60));
  const kernel = `${states.length - open.length - unread.length} of ${states.length} covered or missing`;
  if (open.length > 0) {
    const status = open.length === states.length ? 'absent' : 'degraded';
    return control('masked-paths', { asked, kernel }, status, `Readable inside: ${open.join(', ')}`);
  }
  if (unread.length > 0) return unreadable('masked-paths', asked, undefined, unread.join(', '));
  return control('masked-paths', { asked, kernel }, 'enforced');
};

function maskState(path: string, mounts: readonly Mount[], seen: Observation): 'covered' | 'open' | 'unreadable' {
  const mask = mounts.find((mount) => isMask(mount) && isInside(path, mount.mountPoint));
  if (mask !== undefined) return 'covered';
  const sighting = seen.sightings.get(path);
  return sighting === 'missing'
    ? 'covered'
    : sighting === undefined || sighting === 'unreadable'
      ? 'unreadable'
      : 'open';
}

/** `size=65536k`; undefined when there is no limit, which `size=0` means too. */
function sizeOf(mount: Mount): number | undefined {
  const text = mount.superOptions.find((option) => option.startsWith('size='))?.slice('size='.length);
  const bytes = text === undefined ? undefined : parseBytes(text);
  return bytes === 0 ? undefined : bytes;
}

function sizeText(mount: Mount): string {
  const size = sizeOf(mount);
  return size === undefined ? 'unlimited' : formatBytes(size);
}
