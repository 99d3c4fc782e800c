import type { RefusedGroup } from './rule.js';

const nothing = 'Nothing known.';

/**
 * Everything else is refused as well, with ENOSYS: this list gives a reason and, where that is better, another errno. ENOSYS stands in
 * the rules, too, since an engine that does not know a profile's own default errno says EPERM.
 */
export const refusedGroups: readonly RefusedGroup[] = [
  {
    ...{ topic: 'namespaces', errno: 'EPERM' },
    stops:
      'In a user namespace of one’s own one has every capability, and with it most of the kernel’s holes of the last ten years: netfilter, fsconfig (CVE-2022-0185), overlayfs.',
    breaks: 'Chromium’s sandbox, bubblewrap, nested containers: ask for `nested`.',
    calls: ['unshare', 'setns'],
  },
  {
    ...{ topic: 'new ways of making processes', errno: 'ENOSYS' },
    stops: 'clone3 has its flags behind a pointer, where no filter can look: with it namespaces could be made.',
    breaks: 'Nothing: C libraries and runtimes go back to clone when they hear ENOSYS.',
    calls: ['clone3'],
  },
  {
    ...{ topic: 'mounts and roots', errno: 'EPERM' },
    stops: 'Undoing the read-only root or a mask; parsers of file systems and of mount options.',
    breaks: 'FUSE, overlay and loop mounts inside; bubblewrap needs `nested`.',
    calls: ['mount', 'umount2', 'pivot_root', 'chroot'],
  },
  {
    ...{ topic: 'the new mount interface', errno: 'ENOSYS' },
    stops: 'The same by other calls (CVE-2022-0185 is in fsconfig). No variant needs them.',
    breaks: 'Nothing: tools go back to mount.',
    calls: [
      ...['fsconfig', 'fsmount', 'fsopen', 'fspick', 'mount_setattr', 'move_mount', 'open_tree', 'open_tree_attr'],
      ...['listmount', 'statmount', 'listns'],
    ],
  },
  {
    ...{ topic: 'other processes’ memory and files', errno: 'EPERM' },
    stops: 'Commands of one sandbox that read or steer each other, and the holes of ptrace itself (CVE-2019-13272).',
    breaks: 'gdb, strace, delve, py-spy, rr, LeakSanitizer: ask for `debug`.',
    calls: ['ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_getfd', 'kcmp'],
  },
  {
    ...{ topic: 'advice on other processes', errno: 'ENOSYS' },
    stops: 'Pushing another process’s memory out, to time it.',
    breaks: 'Memory managers of whole systems, which are not inside.',
    calls: ['process_madvise', 'process_mrelease'],
  },
  {
    ...{ topic: 'io_uring', errno: 'ENOSYS' },
    stops:
      'A second way to make most calls, which no filter sees. Of what Google’s kernel bounty was sent in its first year, 60 % exploited it.',
    breaks: 'Nothing: an errno and no signal, so that Node.js and others go back to epoll.',
    calls: ['io_uring_setup', 'io_uring_enter', 'io_uring_register'],
  },
  {
    ...{ topic: 'the older asynchronous I/O', errno: 'ENOSYS' },
    stops:
      'A poll under way keeps a socket alive that no process has any more, and with it deleted files that nobody can count: so the limit of the disk was passed.',
    breaks: 'Nothing: MySQL and others go back to threads. QEMU must not be told `aio=native`.',
    calls: ['io_setup', 'io_submit', 'io_cancel', 'io_destroy', 'io_getevents'],
  },
  {
    ...{ topic: 'Landlock', errno: 'ENOSYS' },
    stops:
      'A rule keeps the file alive that it is about, deleted or not, without a descriptor: files that nobody can count, so the limit of the disk was passed.',
    breaks: 'Programs that fence themselves in by it and do not go on without: ask for `nested`.',
    calls: ['landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self'],
  },
  {
    ...{ topic: 'keyrings', errno: 'ENOSYS' },
    stops: 'Keys are kept by user id across containers, and have had use-after-frees (CVE-2016-0728).',
    breaks: 'Kerberos caches in the kernel; `keyctl`. It answers as a kernel without keys does.',
    calls: ['add_key', 'request_key'],
  },
  {
    ...{ topic: 'programs for the kernel, and its counters', errno: 'EPERM' },
    stops:
      'The verifier of bpf, and perf events, are favourites for raising one’s rights (CVE-2021-3490, CVE-2013-2094).',
    breaks: 'perf, bpftrace.',
    calls: ['bpf', 'perf_event_open', 'lookup_dcookie'],
  },
  {
    ...{ topic: 'page faults in one’s own hands', errno: 'EPERM' },
    stops: 'userfaultfd holds the kernel up in the middle of a copy, which makes races certain.',
    breaks: 'Live migration; some garbage collectors go back to signals.',
    calls: ['userfaultfd'],
  },
  {
    ...{ topic: 'pipes into foreign pages', errno: 'ENOSYS' },
    stops: 'vmsplice puts pages into a pipe without a copy (CVE-2008-0600; the other half of many pipe bugs).',
    breaks: 'Nothing that does not go back to write.',
    calls: ['vmsplice'],
  },
  {
    ...{ topic: 'where memory lies', errno: 'ENOSYS' },
    stops: 'Moving pages and policies has a record of bugs, and tells where things lie.',
    breaks: 'numactl; libnuma sees a machine without NUMA.',
    calls: [...['get_mempolicy', 'mbind', 'migrate_pages', 'move_pages', 'set_mempolicy', 'set_mempolicy_home_node']],
  },
  {
    ...{ topic: 'files by number', errno: 'EPERM' },
    stops:
      'open_by_handle_at opens any file of a file system whatever the mounts show ("shocker"); the other makes such numbers.',
    breaks: 'NFS servers in user space.',
    calls: ['open_by_handle_at', 'name_to_handle_at'],
  },
  {
    ...{ topic: 'memory hidden from the kernel', errno: 'ENOSYS' },
    stops:
      'Memory that no one can look into, outside of what is counted like the rest, and that keeps the host from hibernating.',
    breaks: nothing,
    calls: ['memfd_secret'],
  },
  {
    ...{ topic: 'odd segments and mappings', errno: 'ENOSYS' },
    stops: 'modify_ldt makes 16-bit and 32-bit segments (CVE-2017-17053); remap_file_pages is long obsolete.',
    breaks: 'Wine and DOSEMU.',
    calls: ['modify_ldt', 'remap_file_pages', 'map_shadow_stack'],
  },
  {
    ...{ topic: 'newer calls that one engine still refuses', errno: 'ENOSYS' },
    stops: 'What is new has bugs that nobody has found yet, and what it tells (cachestat) may be a side channel.',
    breaks: 'Nothing: the C library and runtimes do without them.',
    calls: [
      ...['cachestat', 'futex_requeue', 'futex_wait', 'futex_waitv', 'futex_wake', 'getxattrat', 'io_pgetevents'],
      ...['listxattrat', 'mseal', 'removexattrat', 'setxattrat', 'file_getattr', 'file_setattr'],
      ...['lsm_get_self_attr', 'lsm_list_modules', 'lsm_set_self_attr', 'uretprobe'],
    ],
  },
  {
    ...{ topic: 'watching the whole file system', errno: 'EPERM' },
    stops: 'fanotify sees and holds up what others do with files.',
    breaks: 'On-access virus scanners.',
    calls: ['fanotify_init', 'fanotify_mark'],
  },
  {
    ...{ topic: 'the kernel’s code', errno: 'EPERM' },
    stops: 'Loading a module or another kernel is the end of every fence.',
    breaks: 'modprobe, kexec.',
    calls: [
      ...['create_module', 'delete_module', 'finit_module', 'get_kernel_syms', 'init_module', 'query_module'],
      ...['kexec_file_load', 'kexec_load'],
    ],
  },
  {
    ...{ topic: 'the host’s state', errno: 'EPERM' },
    stops:
      'Clock, log, name, swap, accounting, quotas and power of the host. They take capabilities too; this is the second lock.',
    breaks: 'ntpd, dmesg, quota tools.',
    calls: [
      ...['acct', 'adjtimex', 'clock_adjtime', 'clock_settime', 'quotactl', 'quotactl_fd', 'reboot', 'setdomainname'],
      ...['sethostname', 'settimeofday', 'swapoff', 'swapon', 'syslog', 'vhangup'],
    ],
  },
  {
    ...{ topic: 'ports', errno: 'EPERM' },
    stops: 'Talking to hardware past the kernel.',
    breaks: 'Flashing tools.',
    calls: ['ioperm', 'iopl'],
  },
  {
    ...{ topic: 'what is obsolete', errno: 'ENOSYS' },
    stops: 'Code that nobody has looked at for years.',
    breaks: nothing,
    calls: [
      ...['_sysctl', 'epoll_ctl_old', 'epoll_wait_old', 'get_thread_area', 'nfsservctl', 'set_thread_area', 'sysfs'],
      ...['uselib', 'ustat'],
    ],
  },
];
