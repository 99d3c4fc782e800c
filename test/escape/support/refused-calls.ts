/** What calls.c tries, by the answer it has to get under the default profile. */
const byAnswer = {
  EPERM: `
    unshare-user unshare-mnt unshare-net unshare-pid unshare-ipc unshare-uts unshare-cgroup unshare-time
    clone-user clone-mnt clone-net clone-pid clone-ipc clone-uts clone-cgroup setns
    mount umount2 pivot_root chroot ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp
    userfaultfd bpf perf_event_open lookup_dcookie name_to_handle_at open_by_handle_at fanotify_init fanotify_mark
    init_module delete_module kexec_load acct adjtimex clock_adjtime clock_settime settimeofday quotactl quotactl_fd
    reboot sethostname setdomainname swapon swapoff syslog vhangup socket-raw socket-raw6 iopl ioperm`,
  ENOSYS: `
    clone3 clone3-user fsopen open_tree open_tree_attr move_mount mount_setattr statmount listmount
    landlock_create_ruleset landlock_add_rule landlock_restrict_self io_setup io_submit
    process_madvise process_mrelease io_uring_setup io_uring_enter io_uring_register add_key request_key
    vmsplice get_mempolicy set_mempolicy mbind move_pages migrate_pages memfd_secret remap_file_pages
    cachestat futex_waitv futex_wake mseal getxattrat lsm_list_modules io_pgetevents modify_ldt sysfs`,
  EAFNOSUPPORT: 'socket-packet socket-vsock socket-alg socketpair-tipc',
  EPROTONOSUPPORT: 'socket-netfilter socket-audit socket-uevent socket-mptcp socket-sctp',
  EACCES: 'socket-ping',
  EOPNOTSUPP: 'fallocate-keep-size fallocate-zero-keep-size',
  // No rule fits them, so they get the answer to everything else. Docker 20.10 does not know that a profile names that.
  otherwise: 'keyctl personality socket-packet-old ioctl-resvsp ioctl-resvsp64 ioctl-zero-range',
  SIGSYS: 'int80-getpid int80-socketcall x32-getpid x32-ptrace',
} as const;

export const refusedCalls: readonly (readonly [name: string, answer: string])[] = Object.entries(byAnswer).flatMap(
  ([answer, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, answer] as const),
);

const ofTheHost = 'takes a capability over the host, which nobody here has';

/** Where nothing refuses them, some get the same answer from the kernel: then the control shows nothing, for this reason. */
export const notTestable: Readonly<Record<string, string>> = {
  ...{ acct: ofTheHost, swapon: ofTheHost, swapoff: ofTheHost, vhangup: ofTheHost, syslog: ofTheHost },
  ...{ init_module: ofTheHost, delete_module: ofTheHost, kexec_load: ofTheHost, open_by_handle_at: ofTheHost },
  // What it works on is in memory, which has no zero ranges.
  ...{ 'fallocate-zero-keep-size': 'no zero ranges in memory', 'ioctl-zero-range': 'no zero ranges in memory' },
  'socket-ping': 'net.ipv4.ping_group_range has nobody in it',
  'socket-alg': 'this kernel has no AF_ALG',
  'socket-vsock': 'this kernel has no AF_VSOCK',
  'socket-sctp': 'this kernel has no SCTP',
  'socket-mptcp': 'this kernel has no MPTCP',
  'socketpair-tipc': 'this kernel has no TIPC',
};

/** These have to succeed where nothing refuses them: a run that could not show it would show nothing. */
export const surelyOpenOutside = `
  unshare-user unshare-mnt unshare-net unshare-pid unshare-ipc unshare-uts unshare-cgroup clone-user clone-mnt clone-net
  mount umount2 chroot fsopen open_tree clone3-user ptrace process_vm_readv process_vm_writev pidfd_getfd
  io_setup add_key keyctl vmsplice fallocate-keep-size ioctl-resvsp ioctl-resvsp64 socket-raw socket-raw6 socket-packet personality adjtimex`
  .trim()
  .split(/\s+/);

/** What the variants open, of all these, and what the kernel says then to a process without capabilities. */
/**
 * Let through by `nested`, and refused by the kernel outside of a namespace of one’s own (AppArmor answers for it where it is), or not
 * in every kernel.
 */
export const leftToKernel = [
  ...['mount', 'umount2', 'pivot_root', 'chroot', 'sethostname'],
  ...['landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self'],
];

export const openedBy: Readonly<Record<'debug' | 'nested', Readonly<Record<string, string>>>> = {
  debug: {
    ...{ ptrace: 'ok', process_vm_readv: 'ok', process_vm_writev: 'ok', pidfd_getfd: 'ok', kcmp: 'ok' },
    personality: 'ok',
  },
  nested: {
    ...{ 'unshare-user': 'ok', 'unshare-mnt': 'ok', 'unshare-net': 'ok', 'unshare-pid': 'ok', 'unshare-ipc': 'ok' },
    ...{ 'unshare-uts': 'ok', 'unshare-cgroup': 'ok', 'unshare-time': 'ok', setns: 'EINVAL' },
    ...{ 'clone-user': 'ok', 'clone-mnt': 'ok', 'clone-net': 'ok', 'clone-pid': 'ok', 'clone-ipc': 'ok' },
    ...{ 'clone-uts': 'ok', 'clone-cgroup': 'ok' },
  },
};
