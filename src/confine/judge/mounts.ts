import type { Mount } from '../../kit/proc/mountinfo.js';
import { unescapeOctal } from '../../kit/proc/mountinfo.js';
import { mountAt } from '../../kit/proc/visible-mounts.js';
import { safeLine } from '../../kit/safe-text.js';
import { isEngineMount, isReadOnly } from '../engine-mounts.js';
import type { Observation } from '../observation.js';
import type { EvidenceRequest, ExpectedMount, ExpectedOverlay } from '../request.js';
import { control, type Judge, type Problem, unreadable, worst } from './control.js';

export const judgeReadOnlyRoot: Judge = (seen, { claims }) => {
  const asked = 'read-only';
  const engine = claims.readOnlyRoot === undefined ? undefined : claims.readOnlyRoot ? 'read-only' : 'writable';
  const root = seen.mounts === undefined ? undefined : mountAt(seen.mounts, '/');
  if (root === undefined) return unreadable('read-only-root', asked, engine, '/proc/PID/mountinfo');
  if (isReadOnly(root)) return control('read-only-root', { asked, engine, kernel: 'read-only' }, 'enforced');
  const note = 'The root is writable: the engine ignored ReadonlyRootfs.';
  return control('read-only-root', { asked, engine, kernel: 'writable' }, 'absent', note);
};

/**
 * Every line of the sandbox's mount table is explained: the root, what engines always mount, the tmpfs that were asked
 * for, and the approved host paths with the very device and inode that were approved. A mount below a read-only bind
 * is a line of its own and has to be approved itself, since read-only is not recursive.
 */
export const judgeMounts: Judge = (seen, request) => {
  const asked = `${request.approvedMounts.length} host paths, ${request.spec.tmpfs.length + 1} tmpfs, nothing else`;
  const { mounts } = seen;
  if (mounts === undefined) return unreadable('mounts', asked, undefined, '/proc/PID/mountinfo');
  const problems = [
    ...request.approvedMounts.map((expected) => expectedProblem(expected, mounts, seen)),
    ...mounts.map((mount) => lineProblem(mount, seen, request)),
  ].filter((problem) => problem !== undefined);
  const kernel = `${mounts.length} mounts, ${problems.length} not as asked`;
  const status = worst(problems.map((problem) => problem.status));
  const note =
    problems.length === 0
      ? undefined
      : problems
          .slice(0, 5)
          .map(({ text }) => text)
          .join('; ');
  return control('mounts', { asked, kernel }, status, note);
};

function expectedProblem(expected: ExpectedMount, mounts: readonly Mount[], seen: Observation): Problem | undefined {
  const { target } = expected;
  const name = safeLine(target, 80);
  const mount = mountAt(mounts, target);
  if (mount === undefined) return { status: 'absent', text: `${name} is not mounted` };
  const identity = identityOf(expected, mount, seen);
  if (identity === 'unreadable') return { status: 'unknown', text: `${name} could not be examined` };
  if (identity === 'other') return { status: 'absent', text: `${name} shows something other than what was approved` };
  if (expected.readOnly && !isReadOnly(mount)) {
    return { status: 'absent', text: `${name} is writable` };
  }
  if (!expected.readOnly && isReadOnly(mount)) return { status: 'degraded', text: `${name} is read-only` };
  const isShared = mount.tags.some((tag) => tag.startsWith('shared:'));
  return isShared ? { status: 'degraded', text: `mounts made below ${name} reach the host` } : undefined;
}

function identityOf(expected: ExpectedMount, mount: Mount, seen: Observation): 'same' | 'other' | 'unreadable' {
  const sighting = seen.sightings.get(expected.overlay === undefined ? expected.target : `host:${expected.source}`);
  if (sighting === undefined || sighting === 'unreadable') return 'unreadable';
  if (sighting === 'missing' || sighting.dev !== expected.dev || sighting.ino !== expected.ino) return 'other';
  if (expected.overlay === undefined) return 'same';
  return mount.fsType === 'overlay' && hasLayers(mount, expected.source, expected.overlay) ? 'same' : 'other';
}

/** Newer kernels show layers one by one. Any other upper would take the writing, or hold what is not the folder's. */
function hasLayers({ superOptions }: Mount, source: string, overlay: ExpectedOverlay): boolean {
  const valuesOf = (name: RegExp) =>
    superOptions.flatMap((option) => (name.test(option) ? [unescapeOctal(option.slice(option.indexOf('=') + 1))] : []));
  const below = 'over' in overlay ? `${source}:${overlay.over}` : source;
  const above = 'upper' in overlay ? [overlay.upper] : [];
  return (
    valuesOf(/^(?:lowerdir|datadir)\+?=/).join(':') === below && valuesOf(/^upperdir=/).join(':') === above.join(':')
  );
}

function lineProblem(mount: Mount, seen: Observation, request: EvidenceRequest): Problem | undefined {
  const { mountPoint, fsType } = mount;
  if (mountPoint === '/' || request.approvedMounts.some(({ target }) => target === mountPoint)) return undefined;
  const isScratch = mountPoint === '/dev/shm' || request.spec.tmpfs.some(({ target }) => target === mountPoint);
  if (isScratch && fsType === 'tmpfs' && mount.root === '/') return undefined;
  if (isEngineMount(mount, seen)) return undefined;
  const where = `${safeLine(mountPoint, 80)} (${safeLine(fsType, 20)})`;
  return isReadOnly(mount)
    ? { status: 'degraded', text: `${where} was not asked for` }
    : { status: 'absent', text: `${where} was not asked for and is writable` };
}
