import type { AllowedGroup } from './rule.js';

/**
 * What compilers, package managers, language runtimes, databases and shells need. No call is in here that Docker's or Podman's
 * default profile refuses to a container without capabilities; test/unit holds the list against both. Calls that one of the two processors
 * lacks are passed over there.
 */
export const allowedGroups: readonly AllowedGroup[] = [
  {
    topic: 'files: opening, reading, writing',
    why: 'What programs do all day; the mounts decide what can be reached.',
    calls: words(`
      access chdir close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fchdir fcntl fdatasync
      flock fstat fstatfs fsync ftruncate getcwd getdents getdents64 lseek lstat newfstatat open openat openat2 pread64 preadv
      preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv sendfile splice stat statfs statx sync sync_file_range
      syncfs tee truncate write writev`),
  },
  {
    topic: 'files: names, owners, times, attributes',
    why: 'Building and unpacking. mknod makes FIFOs; a device takes a capability. Owners can only be ids of the sandbox.',
    calls: words(`
      chmod chown fchmod fchmodat fchmodat2 fchown fchownat fgetxattr flistxattr fremovexattr fsetxattr futimesat getxattr lchown lgetxattr
      link linkat listxattr llistxattr lremovexattr lsetxattr mkdir mkdirat mknod mknodat removexattr rename renameat renameat2 rmdir
      setxattr symlink symlinkat umask unlink unlinkat utime utimensat utimes`),
  },
  {
    topic: 'waiting and watching',
    why: 'Event loops and file watchers.',
    calls: words(`
      epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 inotify_add_watch inotify_init
      inotify_init1 inotify_rm_watch pause poll ppoll pselect6 select signalfd signalfd4`),
  },
  {
    topic: 'memory',
    why: 'Allocators, JIT compilers, mapped files. mincore tells only of files that the caller may write or owns.',
    calls: words(`
      brk madvise membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap pkey_alloc
      pkey_free pkey_mprotect`),
  },
  {
    topic: 'processes and threads',
    why: 'Making, ending and waiting for one’s own. clone has a rule of its own. pidfd_open reaches nothing outside the pid namespace.',
    calls: words(`
      execve execveat exit exit_group fork getcpu getpgid getpgrp getpid getppid getpriority getrusage getsid gettid kill pidfd_open
      pidfd_send_signal prctl prlimit64 getrlimit rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
      sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
      setpgid setpriority setrlimit setsid set_tid_address tgkill times tkill vfork wait4 waitid ioprio_get ioprio_set`),
  },
  {
    topic: 'locks between threads',
    why: 'futex and its robust lists are what every mutex is made of.',
    calls: words('futex get_robust_list set_robust_list'),
  },
  {
    topic: 'signals',
    why: 'The kernel decides who may signal whom: nobody outside the sandbox has a number in it.',
    calls: words(`
      restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
      rt_tgsigqueueinfo sigaltstack`),
  },
  {
    topic: 'time',
    why: 'Reading clocks and setting timers of one’s own; setting a clock is refused.',
    calls: words(`
      alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
      timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime`),
  },
  {
    topic: 'users and rights',
    why: 'Reading one’s own and giving up more of them. Without capabilities, with no-new-privileges and one mapped id they can’t grow.',
    calls: words(`
      capget capset getegid geteuid getgid getgroups getresgid getresuid getuid seccomp setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid`),
  },
  {
    topic: 'sockets, once made',
    why: 'socket and socketpair have rules of their own, and without an odd family the rest has nothing odd to work on.',
    calls: words(`
      accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt
      shutdown`),
  },
  {
    topic: 'pipes, queues, shared memory',
    why: 'Every sandbox has an ipc namespace of its own, charged to its memory.',
    calls: words(`
      mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 semctl semget semop
      semtimedop shmat shmctl shmdt shmget`),
  },
  { topic: 'the machine', why: 'What runtimes size themselves by.', calls: words('getrandom sysinfo uname') },
];

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
