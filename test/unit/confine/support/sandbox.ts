import { deviceNodes } from '../../../../src/confine/engine-mounts.js';
import { judgeEvidence } from '../../../../src/confine/evidence.js';
import type { Observation, Sighting } from '../../../../src/confine/observation.js';
import type { EvidenceRequest } from '../../../../src/confine/request.js';
import type { ControlEvidence, ControlId } from '../../../../src/core/evidence.js';
import { parseIdMap } from '../../../../src/kit/proc/id-map.js';
import { parseLimits } from '../../../../src/kit/proc/limits.js';
import { parseMountinfo } from '../../../../src/kit/proc/mountinfo.js';
import { parseStatus } from '../../../../src/kit/proc/status.js';
import { visibleMounts } from '../../../../src/kit/proc/visible-mounts.js';

/** What rootless Podman 4.3.1 with crun 1.8.1 made of a hardened request, taken from a running container and shortened. */
export const podmanMountinfo = `159 164 254:0 /home/ann/project /workspace ro,nosuid,nodev,relatime - ext4 /dev/vda rw,discard
160 164 254:0 /usr /usr ro,nosuid,nodev,relatime - ext4 /dev/vda rw,discard
161 169 0:55 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=16384k,uid=1001,gid=1001
162 164 254:0 /run/user/1001/containers/overlay-containers/1289/userdata/hostname /etc/hostname ro,nosuid,nodev,noexec,relatime - ext4 /dev/vda rw
163 164 254:0 /run/user/1001/containers/overlay-containers/1289/userdata/hosts /etc/hosts ro,nosuid,nodev,noexec,relatime - ext4 /dev/vda rw
164 116 0:56 / / ro,relatime - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u/diff,workdir=/u/work,userxattr
165 164 0:59 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs rw
166 164 0:60 / /tmp rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=65536k,uid=1001,gid=1001
167 164 0:61 / /run rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=8192k,mode=755,uid=1001,gid=1001
168 164 0:62 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
169 164 0:63 / /dev rw,nosuid,noexec - tmpfs tmpfs rw,size=65536k,mode=755,uid=1001,gid=1001
170 169 0:64 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=100004,mode=620,ptmxmode=666
171 169 0:58 / /dev/mqueue rw,nosuid,nodev,noexec,relatime - mqueue mqueue rw
172 165 0:38 /lab /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw
173 169 0:6 /null /dev/null rw,nosuid,noexec,relatime - devtmpfs devtmpfs rw,size=12358268k,mode=755
174 169 0:6 /zero /dev/zero rw,nosuid,noexec,relatime - devtmpfs devtmpfs rw,size=12358268k,mode=755
178 169 0:6 /urandom /dev/urandom rw,nosuid,noexec,relatime - devtmpfs devtmpfs rw,size=12358268k,mode=755
179 168 0:65 / /proc/acpi ro,relatime - tmpfs tmpfs rw,size=0k,uid=1001,gid=1001
180 168 0:6 /null /proc/keys ro,relatime - devtmpfs devtmpfs rw,size=12358268k,mode=755
182 165 0:66 / /sys/firmware ro,relatime - tmpfs tmpfs rw,size=0k,uid=1001,gid=1001
185 168 0:62 /bus /proc/bus ro,relatime - proc proc rw
188 168 0:62 /sys /proc/sys ro,relatime - proc proc rw
`;

/** The same request on rootless Docker 20.10 with runc, where it differs: masks are writable binds of the null device. */
export const dockerMountinfo = `126 101 0:43 / / ro,relatime - overlay overlay rw,lowerdir=/l/A,upperdir=/u/diff,workdir=/u/work
127 126 0:62 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
128 126 0:47 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755,uid=1001,gid=1001
130 126 0:49 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro
131 130 0:38 /lab /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw
133 128 0:50 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=16384k,uid=1001,gid=1001
134 126 254:0 /usr /usr ro,relatime - ext4 /dev/vda rw,discard
135 126 254:0 /home/ann/project /workspace ro,relatime - ext4 /dev/vda rw,discard
136 126 0:51 / /run rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=8192k,mode=755,uid=1001,gid=1001
137 126 0:52 / /tmp rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=65536k,uid=1001,gid=1001
138 126 254:0 /home/ann/docker/containers/df7b/resolv.conf /etc/resolv.conf ro,relatime - ext4 /dev/vda rw
141 128 0:6 /null /dev/null rw,relatime master:6 - devtmpfs devtmpfs rw,size=12358268k,mode=755
104 127 0:62 /irq /proc/irq ro,nosuid,nodev,noexec,relatime - proc proc rw
112 127 0:6 /null /proc/keys rw,relatime master:6 - devtmpfs devtmpfs rw,size=12358268k,mode=755
113 127 0:53 / /proc/acpi ro,relatime - tmpfs tmpfs ro,uid=1001,gid=1001
114 130 0:54 / /sys/firmware ro,relatime - tmpfs tmpfs ro,uid=1001,gid=1001
`;

export const hardenedStatus = `Name:	init-01234567
State:	S (sleeping)
PPid:	7018
Uid:	1001	1001	1001	1001
Gid:	1001	1001	1001	1001
Groups:	1001 
NSpid:	7022	1
CapInh:	0000000000000000
CapPrm:	0000000000000000
CapEff:	0000000000000000
CapBnd:	0000000000000000
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	1
`;

const mount = (source: string, target: string, ino: string) => ({ source, target, dev: '65024', ino, readOnly: true });
const sighting = (ino: string): Sighting => ({ dev: '65024', ino, rdev: '0:0', isLink: false });

export const request: EvidenceRequest = {
  pid: 7022,
  engineKind: 'podman',
  callerUid: 1001,
  nowMs: 1,
  initArgv: ['/.paddock/init', '--deadline', '99'],
  seccomp: { variant: 'default', fingerprint: '01234567' },
  claims: {},
  approvedMounts: [mount('/usr', '/usr', '5'), mount('/home/ann/project', '/workspace', '7')],
  spec: {
    image: { kind: 'host', extraFolders: [] },
    workspace: 'ro',
    mounts: [],
    tmpfs: [
      { target: '/tmp', sizeBytes: 64 * 1024 ** 2, mode: 0o1777, executable: true, ownedByUser: false },
      { target: '/run', sizeBytes: 8 * 1024 ** 2, mode: 0o755, executable: false, ownedByUser: false },
    ],
    network: 'none',
    limits: { memoryBytes: 512 * 1024 ** 2, cpuMillis: 1000, cpuShares: 1024, pids: 256, nofile: 1024, coreBytes: 0 },
    env: {},
    labels: {},
    workdir: '/workspace',
    hostname: 'sandbox',
    lifetimeMs: 600_000,
    shmBytes: 16 * 1024 ** 2,
    maskedPaths: ['/proc/acpi', '/proc/keys', '/sys/firmware', '/proc/kcore'],
    require: [],
  },
};

export function mountsOf(text: string): Observation['mounts'] {
  return visibleMounts(parseMountinfo(text).mounts);
}

const namespaces = (tag: number) => ({
  ...{ user: `user:[${tag}]`, pid: `pid:[${tag}]`, ipc: `ipc:[${tag}]`, uts: `uts:[${tag}]` },
  ...{ mnt: `mnt:[${tag}]`, cgroup: `cgroup:[${tag}]`, net: `net:[${tag}]` },
});

/** A sandbox in which every control that does not depend on the host's LSM is enforced. */
export const hardened: Observation = {
  isSameProcess: true,
  status: parseStatus(hardenedStatus),
  parentStatus: parseStatus('Seccomp:\t0\n'),
  namespaces: namespaces(3),
  parentNamespaces: namespaces(2),
  ownNamespaces: { ...namespaces(1), user: 'user:[4026531837]' },
  uidMap: parseIdMap('0 1001 1\n1 100000 65536\n'),
  gidMap: parseIdMap('0 1001 1\n1 100000 65536\n'),
  mounts: mountsOf(podmanMountinfo),
  ownProcDevice: '0:21',
  sightings: new Map<string, Sighting>([
    ['/usr', sighting('5')],
    ['/workspace', sighting('7')],
    ['/proc/kcore', 'missing'],
    ...Object.entries(deviceNodes).map(([path, rdev]): [string, Sighting] => [
      path,
      { dev: '6', ino: '1', rdev, isLink: false },
    ]),
  ]),
  interfaces: ['lo'],
  cgroup: {
    ...{ path: '/user.slice/a.scope/container', isShared: false, memoryMaxBytes: 512 * 1024 ** 2, swapMaxBytes: 0 },
    ...{ cpuMillis: 1000, cpuWeight: 39, pidsMax: 256 },
  },
  hasHostSwap: false,
  limits: parseLimits(
    'Max core file size        0                    0                    bytes\n' +
      'Max open files            1024                 1024                 files\n',
  ),
  cmdline: request.initArgv,
  label: undefined,
  apparmorLabel: undefined,
  apparmorMode: undefined,
  isSelinuxEnforcing: undefined,
};

/** The row of one control when the hardened sandbox (or request) differs in what is given. */
export function rowOf(
  id: ControlId,
  seen: Partial<Observation> = {},
  asked: Partial<EvidenceRequest> = {},
): ControlEvidence {
  const { controls } = judgeEvidence({ ...hardened, ...seen }, { ...request, ...asked });
  const row = controls.find((control) => control.id === id);
  if (!row) throw new Error(`no row for ${id}`);
  return row;
}
