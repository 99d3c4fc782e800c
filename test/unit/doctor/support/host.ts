import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import type { DoctorCheck, DoctorContext, FileFacts, Finding } from '../../../../src/doctor/context.js';
import type { HostFiles } from '../../../../src/doctor/host-files.js';
import type { Engine, EngineIdentity, EngineInfo } from '../../../../src/engine/types.js';
import { systemClock } from '../../../../src/kit/clock.js';

const GiB = 1024 ** 3;

/** A host where everything is well: the texts of its files, and what stands where. */
export const wellTexts: Readonly<Record<string, string>> = {
  '/etc/containers/policy.json': '{"default": [{"type": "insecureAcceptAnything"}]}',
  '/etc/os-release': 'NAME="Fedora Linux"\nID=fedora\n',
  '/etc/subuid': 'ada:100000:65536\n',
  '/etc/subgid': 'ada:100000:65536\n',
  '/proc/sys/kernel/osrelease': '6.18.0\n',
  '/proc/sys/kernel/seccomp/actions_avail': 'kill_process kill_thread errno allow\n',
  '/proc/sys/user/max_user_namespaces': '31000\n',
  '/proc/sys/kernel/yama/ptrace_scope': '1\n',
  '/proc/sys/kernel/dmesg_restrict': '1\n',
  '/proc/sys/kernel/kptr_restrict': '1\n',
  '/proc/sys/kernel/unprivileged_bpf_disabled': '2\n',
  '/proc/stat': 'cpu 1 2\nbtime 1780000000\n',
  '/proc/net/tcp': '  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0:0\n',
  '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
  '/sys/kernel/security/lsm': 'lockdown,capability,yama,selinux\n',
  '/sys/fs/selinux/enforce': '1\n',
};

const facts = (kind: FileFacts['kind'], mode: number, changes: Partial<FileFacts> = {}): FileFacts => ({
  ...{ kind, mode, uid: 1000, gid: 1000, sizeBytes: 70_000, modifiedAtMs: 0 },
  ...changes,
});
const root = { uid: 0, gid: 0 };

export const wellFiles: Readonly<Record<string, FileFacts>> = {
  '/': facts('folder', 0o755, root),
  '/run': facts('folder', 0o755, root),
  '/run/user': facts('folder', 0o755, root),
  '/run/user/1000': facts('folder', 0o700),
  '/run/user/1000/podman': facts('folder', 0o700),
  '/run/user/1000/podman/podman.sock': facts('socket', 0o660),
  '/run/systemd/system': facts('folder', 0o755, root),
  '/usr/bin/newuidmap': facts('file', 0o4755, root),
  '/usr/bin/newgidmap': facts('file', 0o4755, root),
  '/dev/net/tun': facts('other', 0o666, root),
  '/home/ada/.local/state/paddock': facts('folder', 0o700),
  '/home/ada/.config/paddock': facts('folder', 0o755),
  '/home/ada/.config/paddock/config.toml': facts('file', 0o644),
  '/etc/paddock': facts('folder', 0o755, root),
  '/etc/paddock/policy.toml': facts('file', 0o644, root),
  '/opt/paddock/dist/init/paddock-init': facts('file', 0o755, root),
};

export const wellInfo: EngineInfo = {
  ...{ rootless: true, cgroupVersion: 2, cgroupManager: 'systemd', cgroupControllers: ['cpu', 'io', 'memory', 'pids'] },
  ...{ memoryLimit: true, cpuLimit: true, pidsLimit: true, seccomp: true, apparmor: false, selinux: true },
  ...{ storageDriver: 'overlay', ociRuntime: { name: 'crun', version: '1.28' } },
  components: [
    { name: 'podman', version: '6.2.0' },
    { name: 'conmon', version: '2.2.1' },
  ],
};

/** The AppArmor profile where an administrator has installed it. */
export const wellProfile: Awaited<ReturnType<DoctorContext['apparmor']>> = {
  isOn: true,
  file: 'current',
  mode: 'enforce',
  loaded: { is: 'shipped', hash: 'f9808eb7' },
  installed: '/etc/apparmor.d/paddock-sandbox',
  installCommand: 'sudo /usr/bin/node /opt/paddock/main.js profiles install apparmor',
};

/** The SELinux module where an administrator has installed it. */
export const wellModule: Awaited<ReturnType<DoctorContext['selinux']>> = { mode: 'enforcing', loaded: 'current' };

/** What differs from the host where all is well; a text or file that is `undefined` is missing. */
export interface Illness {
  readonly texts?: Readonly<Record<string, string | undefined>>;
  readonly files?: Readonly<Record<string, Partial<FileFacts> | undefined>>;
  readonly info?: Partial<EngineInfo>;
  readonly identity?: Partial<EngineIdentity>;
  readonly ctx?: Partial<DoctorContext>;
  readonly isReadOnly?: boolean;
  readonly freeBytes?: number;
  /** Of Debian's kind, with their versions. */
  readonly packages?: Readonly<Record<string, string>>;
}

export function hostWith(illness: Illness = {}): DoctorContext {
  const identity: EngineIdentity = {
    ...{ kind: 'podman', version: '6.2.0', origin: 'podman.sock', startedByUs: false, ...illness.identity },
    socketPath: illness.identity?.socketPath ?? '/run/user/1000/podman/podman.sock',
  };
  const engine = {
    identity,
    ping: () => Promise.resolve(),
    info: () => Promise.resolve({ ...wellInfo, ...illness.info }),
  };
  const quiet = { removed: [], kept: [], pending: [], foreign: [], unreadable: [], files: [], isDryRun: true };
  return {
    // The checks use these three of it.
    engine: engine as unknown as Engine,
    sitePolicy: builtInPolicy('/home/ada'),
    user: { name: 'ada', uid: 1000, gid: 1000 },
    paths: {
      home: '/home/ada',
      ...{ stateDir: '/home/ada/.local/state/paddock', runtimeDir: '/run/user/1000' },
      ...{ auditLog: '/home/ada/.local/state/paddock/audit.jsonl', init: '/opt/paddock/dist/init/paddock-init' },
      ...{ settings: ['/etc/paddock/policy.toml', '/home/ada/.config/paddock/config.toml'] },
      installation: '/opt/paddock',
    },
    commands: { path: 'fifo', folder: '/run/user/1000/paddock/channels', socketPath: '/run/user/1000/s' },
    files: filesWith(illness),
    overlay: () => Promise.resolve({ way: 'auto', can: 'yes', why: '' }),
    clock: { ...systemClock, now: () => Date.UTC(2026, 10, 22) },
    stale: () => Promise.resolve(quiet),
    load: () =>
      Promise.resolve({
        ...{ cpuCount: 8, cpuPercent: 3, load1: 0.2, memoryTotalBytes: 16 * GiB, memoryAvailableBytes: 12 * GiB },
        ...{ swapTotalBytes: 0, swapUsedBytes: 0 },
      }),
    apparmor: () => Promise.resolve(wellProfile),
    nestedAppArmor: () => Promise.resolve({ ...wellProfile, installed: `${wellProfile.installed}-nested` }),
    scanners: () => Promise.resolve([]),
    lastScans: () => Promise.resolve([]),
    selinux: () => Promise.resolve(wellModule),
    ...illness.ctx,
  };
}

function filesWith({
  texts = {},
  files = {},
  packages = {},
  isReadOnly = false,
  freeBytes = 100 * GiB,
}: Illness): HostFiles {
  const textOf = (path: string) => (path in texts ? texts[path] : wellTexts[path]);
  const factsOf = (path: string) => {
    if (!(path in files)) return wellFiles[path];
    const changed = files[path];
    return changed && { ...(wellFiles[path] ?? facts('file', 0o600)), ...changed };
  };
  return {
    readText: (path) => Promise.resolve(textOf(path)),
    facts: (path) => Promise.resolve(factsOf(path)),
    linkFacts: (path) => Promise.resolve(factsOf(path)),
    realPath: (path) => Promise.resolve(path),
    isWritable: () => Promise.resolve(!isReadOnly),
    freeBytes: () => Promise.resolve(freeBytes),
    debianVersion: (name) => Promise.resolve(packages[name]),
  };
}

export async function findings(check: DoctorCheck, illness: Illness = {}): Promise<readonly Finding[]> {
  const found = await check.run(hostWith(illness), AbortSignal.timeout(5000));
  return [found].flat();
}

/** The one finding that is not `pass`. */
export async function illFinding(check: DoctorCheck, illness: Illness): Promise<Finding> {
  const ill = (await findings(check, illness)).filter((finding) => finding.status !== 'pass');
  const [only, ...more] = ill;
  if (only === undefined || more.length > 0) throw new Error(`${ill.length} findings instead of one`);
  return only;
}
