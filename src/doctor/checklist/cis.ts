/** The numbers below are those of this version; later ones have others. */
export const benchmark = 'CIS Docker Benchmark v1.6.0';

/** One recommendation, in our words, and the doctor's checks that show whether it is so. */
export interface CisRow {
  readonly row: string;
  readonly title: string;
  readonly checks: readonly string[];
}

export const cisRows: readonly CisRow[] = [
  { row: '1.2.2', title: 'the engine is up to date', checks: ['versions'] },
  { row: '2.1', title: 'the daemon does not run as root', checks: ['rootless', 'engine-policy'] },
  { row: '2.2', title: 'no traffic between containers', checks: ['canary.network', 'network-policy'] },
  { row: '2.7', title: 'no engine on TCP without TLS', checks: ['socket', 'socket.tcp', 'engine-policy'] },
  { row: '2.8', title: 'limits of open files', checks: ['canary.nofile', 'limits-policy'] },
  { row: '2.9', title: 'a user namespace', checks: ['canary.user-namespace', 'subids'] },
  { row: '2.14', title: 'no new privileges', checks: ['canary.no-new-privileges'] },
  { row: '2.17', title: 'a filter of system calls of one’s own', checks: ['canary.seccomp'] },
  { row: '4.1', title: 'a user for the container', checks: ['canary.user'] },
  { row: '4.4', title: 'images are scanned', checks: ['scanning.scanner', 'scanning.policy', 'scanning.age'] },
  { row: '4.5', title: 'signatures of images', checks: ['signature-policy'] },
  { row: '4.8', title: 'no setuid programs that work', checks: ['canary.no-new-privileges', 'canary.capabilities'] },
  { row: '5.2', title: 'an AppArmor profile', checks: ['apparmor-profile', 'canary.apparmor'] },
  { row: '5.3', title: 'an SELinux type', checks: ['selinux-profile', 'canary.selinux'] },
  { row: '5.4', title: 'no capabilities that are not needed', checks: ['canary.capabilities'] },
  { row: '5.5', title: 'no privileged containers', checks: ['canary.capabilities', 'canary.seccomp'] },
  { row: '5.6', title: 'no system folders of the host', checks: ['canary.mounts', 'access-policy'] },
  { row: '5.10', title: 'a network namespace of its own', checks: ['canary.namespaces', 'canary.network'] },
  { row: '5.11', title: 'a limit of memory', checks: ['canary.memory', 'limits-policy'] },
  { row: '5.12', title: 'a share of the processors', checks: ['canary.cpu', 'canary.cpu-weight'] },
  { row: '5.13', title: 'a read-only root', checks: ['canary.read-only-root'] },
  { row: '5.16', title: 'a process namespace of its own', checks: ['canary.namespaces'] },
  { row: '5.17', title: 'an IPC namespace of its own', checks: ['canary.namespaces'] },
  { row: '5.18', title: 'no devices of the host', checks: ['canary.mounts'] },
  { row: '5.20', title: 'no shared propagation of mounts', checks: ['canary.mounts'] },
  { row: '5.21', title: 'a UTS namespace of its own', checks: ['canary.namespaces'] },
  { row: '5.22', title: 'a filter of system calls', checks: ['seccomp', 'canary.seccomp'] },
  { row: '5.26', title: 'no more privileges later', checks: ['canary.no-new-privileges'] },
  { row: '5.29', title: 'a limit of processes', checks: ['canary.pids', 'limits-policy'] },
  { row: '5.31', title: 'a user namespace that is not the host’s', checks: ['canary.user-namespace'] },
  { row: '5.32', title: 'no socket of the engine inside', checks: ['canary.mounts'] },
];

/** What has no meaning for a rootless engine and sandboxes without a network device, and why. */
export const notApplicable: readonly { readonly rows: string; readonly why: string }[] = [
  { rows: '1.1', why: 'rules of auditd and a partition are the host’s: Paddock’s own log is the box `audit`' },
  { rows: '2.3 – 2.6, 2.10 – 2.13, 2.15, 2.16', why: 'settings of a daemon of root' },
  { rows: '3', why: 'files of a daemon of root; those of the user are the checks of the box `access`' },
  { rows: '5.7 – 5.9, 5.14', why: 'no port is published, and nothing listens but in the sandbox' },
  { rows: '6, 7', why: 'housekeeping of images, and Swarm' },
];
