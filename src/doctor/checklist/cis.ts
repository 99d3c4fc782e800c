/** The numbers below are those of this version, held against those of Docker Bench for Security; later ones have others. */
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
  { row: '2.8', title: 'a limit of open files that is asked for', checks: ['canary.nofile', 'limits-policy'] },
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

/** The other rows, and why nothing here looks at them. Ranges are of one section. */
export const notApplicable: readonly { readonly rows: string; readonly why: string }[] = [
  {
    rows: '1.1.1, 1.1.3 – 1.1.18',
    why: 'partitions and rules of auditd are the host’s: Paddock’s own log is the box `audit`',
  },
  { rows: '1.1.2', why: 'there is no group that may use an engine of root' },
  { rows: '1.2.1', why: 'how the host is hardened is beyond what is looked at' },
  { rows: '2.3 – 2.6, 2.10 – 2.13, 2.15, 2.16, 2.18', why: 'settings of a daemon of root' },
  { rows: '3.1 – 3.24', why: 'files of a daemon of root; those of the user are the checks of the box `access`' },
  { rows: '4.2, 4.3, 4.6, 4.7, 4.9 – 4.12', why: 'how an image was made; which may run says the policy' },
  { rows: '5.1, 7.1 – 7.9', why: 'Swarm' },
  {
    rows: '5.7 – 5.9, 5.14, 5.30',
    why: 'no port is published, no bridge of Docker’s is used, and nothing listens but in the sandbox',
  },
  { rows: '5.15, 5.27, 5.28', why: 'a sandbox is never started again, and an image is the one that was asked for' },
  { rows: '5.19', why: 'limits are asked for with each sandbox: row 2.8' },
  { rows: '5.23 – 5.25', why: 'commands have the rights and the cgroup of their sandbox' },
  { rows: '6.1, 6.2', why: 'housekeeping of images; sessions are ended by `paddock prune`' },
];
