import { describe, expect, it } from 'vitest';
import type { Sighting } from '../../../src/confine/observation.js';
import { hardened, mountsOf, podmanMountinfo, request, rowOf } from './support/sandbox.js';

const changed = (from: string, to: string) => {
  if (!podmanMountinfo.includes(from)) throw new Error(`not in the fixture: ${from}`);
  return { mounts: mountsOf(podmanMountinfo.replace(from, to)) };
};
const plus = (line: string) => ({ mounts: mountsOf(`${podmanMountinfo}${line}\n`) });
const sighted = (path: string, sighting: Sighting) => ({
  sightings: new Map([...hardened.sightings, [path, sighting] as const]),
});

describe('the mount table of a sandbox', () => {
  it.each([
    ['300 164 0:99 / /data rw,relatime - ext4 /dev/b rw', 'absent'],
    ['300 164 0:99 / /data ro,relatime - ext4 /dev/b rw', 'degraded'],
    ['300 159 0:99 / /workspace/sub rw,relatime - tmpfs t rw', 'absent'],
    ['300 167 0:99 / /run/secrets ro,relatime - tmpfs t rw', 'degraded'],
    ['300 169 0:6 /sda /dev/sda rw,relatime - devtmpfs devtmpfs rw', 'absent'],
    ['300 164 0:21 / /hostproc ro,relatime - proc proc rw', 'degraded'],
    ['300 164 254:0 /etc/shadow /etc/hostname2 ro - ext4 /dev/vda rw', 'degraded'],
  ])('may not hold %s', (line, expected) => {
    expect(rowOf('mounts', plus(line)).status).toBe(expected);
  });

  it('may hold a writable mount that a read-only one covers', () => {
    const covered = '300 159 0:99 / /workspace/sub rw - tmpfs t rw\n301 300 0:99 / /workspace/sub ro - tmpfs t rw';
    const below = { source: '/home/ann/project/sub', target: '/workspace/sub', dev: '9', ino: '9', readOnly: true };
    const asked = { approvedMounts: [...request.approvedMounts, below] };
    const sub = sighted('/workspace/sub', { dev: '9', ino: '9', rdev: '0:0', isLink: false });
    expect(rowOf('mounts', { ...plus(covered), ...sub }, asked).status).toBe('enforced');
  });

  it('is judged with the fixture taken from a real container', () => {
    expect(rowOf('mounts').status).toBe('enforced');
  });

  it('is absent when an approved path is writable, missing, or is another folder than the one approved', () => {
    expect(rowOf('mounts', changed('/workspace ro,', '/workspace rw,')).status).toBe('absent');
    expect(rowOf('mounts', changed(' /workspace ro,', ' /elsewhere ro,')).status).toBe('absent');
    const other: Sighting = { dev: '65024', ino: '8', rdev: '0:0', isLink: false };
    expect(rowOf('mounts', sighted('/workspace', other)).status).toBe('absent');
    expect(rowOf('mounts', sighted('/workspace', { ...other, ino: '7', dev: '1' })).status).toBe('absent');
    expect(rowOf('mounts', sighted('/workspace', 'unreadable')).status).toBe('unknown');
  });

  it('is degraded when what is mounted inside would reach the host', () => {
    expect(rowOf('mounts', changed('ro,nosuid,nodev,relatime - ext4', 'ro,nosuid,nodev shared:4 - ext4')).status).toBe(
      'degraded',
    );
  });

  it("refuses the host's /proc, a writable /sys or cgroup tree, and a device that is not what its name says", () => {
    expect(rowOf('mounts', { ownProcDevice: '0:62' }).status).toBe('absent');
    expect(rowOf('mounts', changed('/sys ro,', '/sys rw,')).status).toBe('absent');
    expect(rowOf('mounts', changed('/sys/fs/cgroup ro,', '/sys/fs/cgroup rw,')).status).toBe('absent');
    expect(rowOf('mounts', sighted('/dev/null', { dev: '6', ino: '1', rdev: '8:0', isLink: false })).status).toBe(
      'absent',
    );
  });

  it('accepts an overlay over the approved folder where that was asked for, and no other', () => {
    const overlay = (layers: string, flag = 'ro') =>
      changed(
        '254:0 /home/ann/project /workspace ro,nosuid,nodev,relatime - ext4 /dev/vda rw,discard',
        `0:70 / /workspace ${flag},nosuid,nodev,relatime - overlay overlay ro,${layers}`,
      );
    const approvedMounts = request.approvedMounts.map((mount) =>
      mount.target === '/usr' ? mount : { ...mount, overlay: { over: '/s/empty' } },
    );
    const host = sighted('host:/home/ann/project', { dev: '65024', ino: '7', rdev: '0:0', isLink: false });
    const statusOf = (layers: string, flag?: string) =>
      rowOf('mounts', { ...overlay(layers, flag), ...host }, { approvedMounts }).status;
    expect(statusOf('lowerdir=/home/ann/project:/s/empty')).toBe('enforced');
    expect(statusOf('lowerdir+=/home/ann/project,lowerdir+=/s/empty')).toBe('enforced');
    expect(statusOf('lowerdir=/home/ann/project:/s/empty', 'rw')).toBe('absent');
    expect(statusOf('lowerdir=/home/ann/.ssh:/s/empty')).toBe('absent');
    expect(statusOf('lowerdir=/home/ann/project:/home/ann/.ssh')).toBe('absent');
    expect(statusOf('lowerdir=/home/ann/project:/s/empty,upperdir=/u,workdir=/w')).toBe('absent');
  });

  it('accepts an overlay that takes the writing where that very layer was asked for', () => {
    const approvedMounts = request.approvedMounts.map((mount) =>
      mount.target === '/usr' ? mount : { ...mount, readOnly: false, overlay: { upper: '/s/upper' } },
    );
    const host = sighted('host:/home/ann/project', { dev: '65024', ino: '7', rdev: '0:0', isLink: false });
    const statusOf = (layers: string, flag = 'rw') => {
      const mounts = changed(
        '254:0 /home/ann/project /workspace ro,nosuid,nodev,relatime - ext4 /dev/vda rw,discard',
        `0:70 / /workspace ${flag},nosuid,nodev,relatime - overlay overlay rw,${layers}`,
      );
      return rowOf('mounts', { ...mounts, ...host }, { approvedMounts }).status;
    };
    expect(statusOf('lowerdir=/home/ann/project,upperdir=/s/upper,workdir=/s/work')).toBe('enforced');
    expect(statusOf('lowerdir+=/home/ann/project,upperdir=/s/upper,workdir=/s/work')).toBe('enforced');
    expect(statusOf('lowerdir=/home/ann/project,upperdir=/s/upper,workdir=/s/work', 'ro')).toBe('degraded');
    expect(statusOf('lowerdir=/home/ann/project,upperdir=/home/ann/.ssh,workdir=/s/work')).toBe('absent');
    expect(statusOf('lowerdir=/home/ann/project:/etc,upperdir=/s/upper,workdir=/s/work')).toBe('absent');
    expect(statusOf('lowerdir=/home/ann/project')).toBe('absent');
  });
});

describe('the root', () => {
  it('is absent when writable, by the mount on top', () => {
    expect(rowOf('read-only-root', changed('/ / ro,', '/ / rw,')).status).toBe('absent');
    expect(rowOf('read-only-root', { mounts: [] }).status).toBe('unknown');
  });
});

describe('scratch space', () => {
  it.each([
    ['size=65536k', 'size=65600k', 'enforced'],
    ['size=65536k', 'size=131072k', 'degraded'],
    ['size=65536k', 'size=0k', 'degraded'],
    ['size=65536k,', '', 'degraded'],
  ])('with %s turned into "%s" is %s', (from, to, expected) => {
    expect(rowOf('tmpfs', changed(`tmpfs tmpfs rw,${from}`, `tmpfs tmpfs rw,${to}`)).status).toBe(expected);
  });

  it('is degraded when nothing can be written there', () => {
    const row = rowOf('tmpfs', changed('/dev/shm rw,nosuid', '/dev/shm ro,nosuid'));
    expect([row.status, row.note]).toEqual(['degraded', '/dev/shm is read-only']);
  });

  it('is degraded when programs may run where they should not, absent when it is no tmpfs', () => {
    expect(rowOf('tmpfs', changed('/run rw,nosuid,nodev,noexec', '/run rw,nosuid,nodev')).status).toBe('degraded');
    expect(rowOf('tmpfs', changed('/dev/shm rw,nosuid', '/dev/shm rw')).status).toBe('degraded');
    expect(rowOf('tmpfs', changed('- tmpfs shm', '- ext4 shm')).status).toBe('absent');
  });
});

describe('masked paths', () => {
  it('are degraded when one can be read, unknown when that can not be told', () => {
    const open: Sighting = { dev: '1', ino: '1', rdev: '0:0', isLink: false };
    const row = rowOf('masked-paths', sighted('/proc/kcore', open));
    expect([row.status, row.note]).toEqual(['degraded', 'Readable inside: /proc/kcore']);
    expect(rowOf('masked-paths', sighted('/proc/kcore', 'unreadable')).status).toBe('unknown');
  });

  it('are not covered by a writable tmpfs or by another device', () => {
    const open = sighted('/proc/acpi', { dev: '1', ino: '1', rdev: '0:0', isLink: false });
    expect(rowOf('masked-paths', { ...open, ...changed('/proc/acpi ro', '/proc/acpi rw') }).status).toBe('degraded');
  });
});
