import { isStrictlyInside } from '../kit/path-containment.js';
import type { Mount } from '../kit/proc/mountinfo.js';
import type { Observation } from './observation.js';

/** Device nodes every engine binds in, with the device each must be (Documentation/admin-guide/devices.txt). */
export const deviceNodes: Readonly<Record<string, string>> = {
  '/dev/null': '1:3',
  '/dev/zero': '1:5',
  '/dev/full': '1:7',
  '/dev/random': '1:8',
  '/dev/urandom': '1:9',
  '/dev/tty': '5:0',
};

/** Kernel file systems at their places; `ro` where a writable one would reach the host. */
const kernelFileSystems: Readonly<Record<string, { readonly type: string; readonly readOnly: boolean }>> = {
  '/dev': { type: 'tmpfs', readOnly: false },
  '/dev/pts': { type: 'devpts', readOnly: false },
  '/dev/mqueue': { type: 'mqueue', readOnly: false },
  '/proc': { type: 'proc', readOnly: false },
  '/sys': { type: 'sysfs', readOnly: true },
  '/sys/fs/cgroup': { type: 'cgroup2', readOnly: true },
};

/** Files that engines write per container and bind over the image's. */
const engineFiles = [
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
  '/etc/passwd',
  '/etc/group',
  '/run/.containerenv',
];

export function isReadOnly(mount: Mount): boolean {
  return mount.options.includes('ro');
}

/** An empty read-only tmpfs, or the null device, laid over something of /proc or /sys. */
export function isMask(mount: Mount): boolean {
  if (!isStrictlyInside(mount.mountPoint, '/proc') && !isStrictlyInside(mount.mountPoint, '/sys')) return false;
  const isNull = mount.root.endsWith('/null') && ['devtmpfs', 'tmpfs'].includes(mount.fsType);
  return isNull || (mount.fsType === 'tmpfs' && mount.root === '/' && isReadOnly(mount));
}

/** Whether this is one of the mounts that engines make for every hardened container, in the form it must have. */
export function isEngineMount(mount: Mount, seen: Observation): boolean {
  const { mountPoint, fsType, root } = mount;
  const kernel = kernelFileSystems[mountPoint];
  if (kernel !== undefined) {
    // The /proc of another pid namespace would show the host's processes.
    const isForeignProc = mountPoint === '/proc' && (root !== '/' || mount.device === seen.ownProcDevice);
    return fsType === kernel.type && (!kernel.readOnly || isReadOnly(mount)) && !isForeignProc;
  }
  const device = deviceNodes[mountPoint];
  if (device !== undefined) {
    const sighting = seen.sightings.get(mountPoint);
    return typeof sighting === 'object' && sighting.rdev === device;
  }
  if (fsType === 'proc') {
    const proc = seen.mounts?.find((other) => other.mountPoint === '/proc');
    return mountPoint === `/proc${root}` && mount.device === proc?.device && isReadOnly(mount);
  }
  if (engineFiles.includes(mountPoint)) {
    return isReadOnly(mount) && root.endsWith(mountPoint.slice(mountPoint.lastIndexOf('/')));
  }
  return isMask(mount);
}
