// Makes one system call after the other that Paddock's filters refuse, each in a process of its own and in a way that gets somewhere where nothing
// refuses it, and says for each how it went: `NAME ok`, `NAME ERRNO` or `NAME SIGNAL`. Used from inside a sandbox, and from outside as
// the positive control.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// Of the kernel's common table (asm-generic/unistd.h and x86-64's agree on them); C libraries know them late.
enum {
  OPEN_TREE = 428, MOVE_MOUNT = 429, FSOPEN = 430, CLONE3 = 435, PIDFD_GETFD = 438, PROCESS_MADVISE = 440, MOUNT_SETATTR = 442,
  QUOTACTL_FD = 443, LANDLOCK_CREATE_RULESET = 444, LANDLOCK_ADD_RULE = 445, LANDLOCK_RESTRICT_SELF = 446,
  MEMFD_SECRET = 447, PROCESS_MRELEASE = 448, FUTEX_WAITV = 449, CACHESTAT = 451, FUTEX_WAKE_2 = 454,
  STATMOUNT = 457, LISTMOUNT = 458, LSM_LIST_MODULES = 461, MSEAL = 462, GETXATTRAT = 464, OPEN_TREE_ATTR = 467,
};

static char page[4096] __attribute__((aligned(4096)));

// A child that comes into being ends at once.
static long forked(long pid) {
  if (pid == 0) _exit(0);
  return pid;
}
static long clone_with(unsigned long flags) { return forked(syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0)); }
static long clone3_with(uint64_t flags) {
  uint64_t arguments[11] = {flags, 0, 0, 0, SIGCHLD};
  return forked(syscall(CLONE3, arguments, sizeof arguments));
}
static long in_new_user(int flag) { return unshare(CLONE_NEWUSER | flag); }
static long setns_own(void) {
  const int fd = open("/proc/self/ns/user", O_RDONLY);
  return fd < 0 ? -1 : setns(fd, CLONE_NEWUSER);
}
static long unmount(void) {
  if (mount("calls", "/tmp", "tmpfs", 0, "") != 0) return -1;
  return umount2("/tmp", MNT_DETACH);
}
static long mount_attributes(void) {
  uint64_t attributes[4] = {1};
  return syscall(MOUNT_SETATTR, AT_FDCWD, "/", 0, attributes, sizeof attributes);
}
// Room beyond the end of a file of none, which no limit of its length sees.
static long reserve(int mode) { return fallocate(memfd_create("calls", 0), mode, 0, sizeof page); }
static long reserve_by_ioctl(unsigned long request) {
  const struct { int16_t type, whence; int64_t start, length; int32_t unused[6]; } room = {.length = sizeof page};
  return ioctl(memfd_create("calls", 0), request, &room);
}
static long read_own_memory(int write) {
  char here[8];
  struct iovec local = {here, sizeof here}, remote = {page, sizeof here};
  return syscall(write ? SYS_process_vm_writev : SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0);
}
static long own_descriptor(void) {
  const long pidfd = syscall(SYS_pidfd_open, getpid(), 0);
  return pidfd < 0 ? -1 : syscall(PIDFD_GETFD, pidfd, 0, 0);
}
static long ring(void) {
  uint32_t parameters[30] = {0};
  return syscall(SYS_io_uring_setup, 1, parameters);
}
static long set_up_requests(void) {
  unsigned long context = 0;
  return syscall(SYS_io_setup, 1, &context);
}
static long look_up_in_no_map(void) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_fd = (uint32_t)-1;
  return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attributes, sizeof attributes);
}
static long count_events(void) {
  struct perf_event_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  attributes.exclude_kernel = 1;
  return syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}
static long give_page(void) {
  int ends[2];
  struct iovec whole = {page, sizeof page};
  return pipe(ends) != 0 ? -1 : vmsplice(ends[1], &whole, 1, 0);
}
static long handle_of_root(void) {
  char room[160] = {0};
  struct file_handle *handle = (struct file_handle *)(void *)room;
  int mount_id = 0;
  handle->handle_bytes = 128;
  return name_to_handle_at(AT_FDCWD, "/tmp", handle, &mount_id, 0);
}
static long read_clock(int with_id) {
  struct timex nothing;
  memset(&nothing, 0, sizeof nothing);
  return with_id ? syscall(SYS_clock_adjtime, 0, &nothing) : syscall(SYS_adjtimex, &nothing);
}
static long set_clock_wrongly(void) {
  const struct timeval odd = {1, 2000000};
  return syscall(SYS_settimeofday, &odd, NULL);
}
static long set_no_clock(void) {
  const struct timespec second = {1, 0};
  return syscall(SYS_clock_settime, 99, &second);
}
static long ask_policy(void) {
  int mode = 0;
  return syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0);
}

#ifdef __x86_64__
static long of_32_bits(long call, long first, long second) {
  long result = 0;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(call), "b"(first), "c"(second), "d"(0L) : "memory", "cc");
  if (result < 0 && result > -4096) {
    errno = (int)-result;
    return -1;
  }
  return result;
}
static long vsock_through_socketcall(void) {
  // Below four gigabytes, where a 32-bit call can see it.
  uint32_t *arguments = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (arguments == MAP_FAILED) return -1;
  arguments[0] = AF_VSOCK;
  arguments[1] = SOCK_STREAM;
  return of_32_bits(102, 1, (long)arguments);
}
#endif

typedef long (*attempt)(void);
#define TRY(function, expression) \
  static long function(void) { return (expression); }

TRY(a_unshare_user, in_new_user(0))
TRY(a_unshare_mnt, in_new_user(CLONE_NEWNS))
TRY(a_unshare_net, in_new_user(CLONE_NEWNET))
TRY(a_unshare_pid, in_new_user(CLONE_NEWPID))
TRY(a_unshare_ipc, in_new_user(CLONE_NEWIPC))
TRY(a_unshare_uts, in_new_user(CLONE_NEWUTS))
TRY(a_unshare_cgroup, in_new_user(CLONE_NEWCGROUP))
TRY(a_unshare_time, in_new_user(0x80))
TRY(a_clone_user, clone_with(CLONE_NEWUSER))
TRY(a_clone_mnt, clone_with(CLONE_NEWUSER | CLONE_NEWNS))
TRY(a_clone_net, clone_with(CLONE_NEWUSER | CLONE_NEWNET))
TRY(a_clone_pid, clone_with(CLONE_NEWUSER | CLONE_NEWPID))
TRY(a_clone_ipc, clone_with(CLONE_NEWUSER | CLONE_NEWIPC))
TRY(a_clone_uts, clone_with(CLONE_NEWUSER | CLONE_NEWUTS))
TRY(a_clone_cgroup, clone_with(CLONE_NEWUSER | CLONE_NEWCGROUP))
TRY(a_clone3, clone3_with(0))
TRY(a_clone3_user, clone3_with(CLONE_NEWUSER))
TRY(a_mount, mount("calls", "/tmp", "tmpfs", 0, ""))
TRY(a_pivot_root, syscall(SYS_pivot_root, "/none", "/none"))
TRY(a_chroot, chroot("/tmp"))
TRY(a_fsopen, syscall(FSOPEN, "tmpfs", 0))
TRY(a_open_tree, syscall(OPEN_TREE, AT_FDCWD, "/tmp", 1))
TRY(a_open_tree_attr, syscall(OPEN_TREE_ATTR, AT_FDCWD, "/tmp", 0, NULL, 0))
TRY(a_move_mount, syscall(MOVE_MOUNT, -1, "", -1, "", 0))
TRY(a_statmount, syscall(STATMOUNT, NULL, NULL, 0, 0))
TRY(a_listmount, syscall(LISTMOUNT, NULL, NULL, 0, 0))
TRY(a_ptrace, ptrace(PTRACE_TRACEME, 0, 0, 0))
TRY(a_vm_readv, read_own_memory(0))
TRY(a_vm_writev, read_own_memory(1))
TRY(a_kcmp, syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0))
TRY(a_madvise, syscall(PROCESS_MADVISE, -1, NULL, 0, 0, 0))
TRY(a_mrelease, syscall(PROCESS_MRELEASE, -1, 0))
TRY(a_ring_enter, syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0))
TRY(a_ring_register, syscall(SYS_io_uring_register, -1, 0, NULL, 0))
TRY(a_landlock, syscall(LANDLOCK_CREATE_RULESET, NULL, 0, 1))
TRY(a_landlock_rule, syscall(LANDLOCK_ADD_RULE, -1, 1, page, 0))
TRY(a_landlock_self, syscall(LANDLOCK_RESTRICT_SELF, -1, 0))
TRY(a_io_setup, set_up_requests())
TRY(a_io_submit, syscall(SYS_io_submit, 0, 0, NULL))
TRY(a_add_key, syscall(SYS_add_key, "user", "calls", "x", 1, -2))
TRY(a_request_key, syscall(SYS_request_key, "user", "calls-none", NULL, 0))
TRY(a_keyctl, syscall(SYS_keyctl, 0, -3, 1, 0, 0))
TRY(a_userfaultfd, syscall(SYS_userfaultfd, 1))
TRY(a_dcookie, syscall(SYS_lookup_dcookie, 0, NULL, 0))
TRY(a_set_mempolicy, syscall(SYS_set_mempolicy, 0, NULL, 0))
TRY(a_mbind, syscall(SYS_mbind, page, sizeof page, 0, NULL, 0, 0))
TRY(a_move_pages, syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0))
TRY(a_migrate_pages, syscall(SYS_migrate_pages, 0, 0, NULL, NULL))
TRY(a_by_handle, syscall(SYS_open_by_handle_at, -1, NULL, 0))
TRY(a_memfd_secret, syscall(MEMFD_SECRET, 0))
TRY(a_remap, syscall(SYS_remap_file_pages, page, sizeof page, 1, 0, 0))
TRY(a_cachestat, syscall(CACHESTAT, -1, NULL, NULL, 0))
TRY(a_futex_waitv, syscall(FUTEX_WAITV, NULL, 0, 0, NULL, 0))
TRY(a_futex_wake, syscall(FUTEX_WAKE_2, NULL, 0, 0, 0xffff))
TRY(a_mseal, syscall(MSEAL, page, 0, 1))
TRY(a_getxattrat, syscall(GETXATTRAT, -1, "", 0, "", NULL, 0))
TRY(a_lsm_list, syscall(LSM_LIST_MODULES, NULL, NULL, 1))
TRY(a_io_pgetevents, syscall(SYS_io_pgetevents, 0, 1, 0, NULL, NULL, NULL))
TRY(a_fanotify_init, syscall(SYS_fanotify_init, 0x200, 0))
TRY(a_fanotify_mark, syscall(SYS_fanotify_mark, -1, 1, 1, AT_FDCWD, "/tmp"))
TRY(a_init_module, syscall(SYS_init_module, "", 0, ""))
TRY(a_delete_module, syscall(SYS_delete_module, "calls", 0))
TRY(a_kexec_load, syscall(SYS_kexec_load, 0, 0, NULL, 0))
TRY(a_acct, syscall(SYS_acct, "/tmp/none"))
TRY(a_adjtimex, read_clock(0))
TRY(a_clock_adjtime, read_clock(1))
TRY(a_quotactl, syscall(SYS_quotactl, 0x7fffffff, NULL, 0, NULL))
TRY(a_quotactl_fd, syscall(QUOTACTL_FD, -1, 0, 0, NULL))
TRY(a_reboot, syscall(SYS_reboot, 1, 2, 3, NULL))
TRY(a_sethostname, sethostname("calls", 5))
TRY(a_setdomainname, setdomainname("calls", 5))
TRY(a_swapon, syscall(SYS_swapon, "/tmp/none", 0))
TRY(a_swapoff, syscall(SYS_swapoff, "/tmp/none"))
TRY(a_syslog, syscall(SYS_syslog, 99, NULL, 0))
TRY(a_vhangup, syscall(SYS_vhangup))
TRY(a_fallocate_keep, reserve(FALLOC_FL_KEEP_SIZE))
TRY(a_fallocate_zero_keep, reserve(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE))
TRY(a_resvsp, reserve_by_ioctl(0x40305828))
TRY(a_resvsp64, reserve_by_ioctl(0x4030582a))
TRY(a_ioctl_zero, reserve_by_ioctl(0x40305839))
TRY(a_personality, syscall(SYS_personality, 0x40000UL))
TRY(a_raw, socket(AF_INET, SOCK_RAW, 255))
TRY(a_raw6, socket(AF_INET6, SOCK_RAW, 255))
TRY(a_ping, socket(AF_INET, SOCK_DGRAM, 1))
TRY(a_packet, socket(AF_PACKET, SOCK_RAW, 0))
TRY(a_vsock, socket(AF_VSOCK, SOCK_STREAM, 0))
TRY(a_alg, socket(AF_ALG, SOCK_SEQPACKET, 0))
TRY(a_netfilter, socket(AF_NETLINK, SOCK_RAW, 12))
TRY(a_audit, socket(AF_NETLINK, SOCK_RAW, 9))
TRY(a_uevent, socket(AF_NETLINK, SOCK_RAW, 15))
TRY(a_mptcp, socket(AF_INET, SOCK_STREAM, 262))
TRY(a_sctp, socket(AF_INET, SOCK_STREAM, 132))
TRY(a_packet_old, socket(AF_INET, SOCK_PACKET, 0))
TRY(a_tipc_pair, socketpair(30, SOCK_STREAM, 0, (int[2]){0, 0}))
#ifdef __x86_64__
TRY(a_modify_ldt, syscall(SYS_modify_ldt, 0, page, sizeof page))
TRY(a_iopl, syscall(SYS_iopl, 0))
TRY(a_ioperm, syscall(SYS_ioperm, 0, 1, 0))
TRY(a_sysfs, syscall(SYS_sysfs, 3))
TRY(a_int80_getpid, of_32_bits(20, 0, 0))
TRY(a_x32_getpid, syscall(0x40000000 | SYS_getpid))
TRY(a_x32_ptrace, syscall(0x40000000 | 521, 0, 0, 0, 0))
#endif

static const struct {
  const char *name;
  attempt attempt;
} attempts[] = {
    {"unshare-user", a_unshare_user}, {"unshare-mnt", a_unshare_mnt}, {"unshare-net", a_unshare_net},
    {"unshare-pid", a_unshare_pid}, {"unshare-ipc", a_unshare_ipc}, {"unshare-uts", a_unshare_uts},
    {"unshare-cgroup", a_unshare_cgroup}, {"unshare-time", a_unshare_time}, {"clone-user", a_clone_user},
    {"clone-mnt", a_clone_mnt}, {"clone-net", a_clone_net}, {"clone-pid", a_clone_pid}, {"clone-ipc", a_clone_ipc},
    {"clone-uts", a_clone_uts}, {"clone-cgroup", a_clone_cgroup}, {"clone3", a_clone3}, {"clone3-user", a_clone3_user},
    {"setns", setns_own}, {"mount", a_mount}, {"umount2", unmount}, {"pivot_root", a_pivot_root}, {"chroot", a_chroot},
    {"fsopen", a_fsopen}, {"open_tree", a_open_tree}, {"open_tree_attr", a_open_tree_attr}, {"move_mount", a_move_mount},
    {"mount_setattr", mount_attributes}, {"statmount", a_statmount}, {"listmount", a_listmount}, {"ptrace", a_ptrace},
    {"process_vm_readv", a_vm_readv}, {"process_vm_writev", a_vm_writev}, {"pidfd_getfd", own_descriptor}, {"kcmp", a_kcmp},
    {"process_madvise", a_madvise}, {"process_mrelease", a_mrelease}, {"io_uring_setup", ring},
    {"io_uring_enter", a_ring_enter}, {"io_uring_register", a_ring_register}, {"landlock_create_ruleset", a_landlock}, {"landlock_add_rule", a_landlock_rule},
    {"landlock_restrict_self", a_landlock_self}, {"io_setup", a_io_setup}, {"io_submit", a_io_submit}, {"add_key", a_add_key},
    {"request_key", a_request_key}, {"keyctl", a_keyctl}, {"userfaultfd", a_userfaultfd}, {"bpf", look_up_in_no_map},
    {"perf_event_open", count_events}, {"lookup_dcookie", a_dcookie}, {"vmsplice", give_page}, {"get_mempolicy", ask_policy},
    {"set_mempolicy", a_set_mempolicy}, {"mbind", a_mbind}, {"move_pages", a_move_pages}, {"migrate_pages", a_migrate_pages},
    {"name_to_handle_at", handle_of_root}, {"open_by_handle_at", a_by_handle}, {"memfd_secret", a_memfd_secret},
    {"remap_file_pages", a_remap}, {"cachestat", a_cachestat}, {"futex_waitv", a_futex_waitv}, {"futex_wake", a_futex_wake},
    {"mseal", a_mseal}, {"getxattrat", a_getxattrat}, {"lsm_list_modules", a_lsm_list}, {"io_pgetevents", a_io_pgetevents},
    {"fanotify_init", a_fanotify_init}, {"fanotify_mark", a_fanotify_mark}, {"init_module", a_init_module},
    {"delete_module", a_delete_module}, {"kexec_load", a_kexec_load}, {"acct", a_acct}, {"adjtimex", a_adjtimex},
    {"clock_adjtime", a_clock_adjtime}, {"clock_settime", set_no_clock}, {"settimeofday", set_clock_wrongly},
    {"quotactl", a_quotactl}, {"quotactl_fd", a_quotactl_fd}, {"reboot", a_reboot}, {"sethostname", a_sethostname},
    {"setdomainname", a_setdomainname}, {"swapon", a_swapon}, {"swapoff", a_swapoff}, {"syslog", a_syslog},
    {"vhangup", a_vhangup}, {"personality", a_personality}, {"fallocate-keep-size", a_fallocate_keep},
    {"fallocate-zero-keep-size", a_fallocate_zero_keep}, {"ioctl-resvsp", a_resvsp}, {"ioctl-resvsp64", a_resvsp64},
    {"ioctl-zero-range", a_ioctl_zero}, {"socket-raw", a_raw}, {"socket-raw6", a_raw6},
    {"socket-ping", a_ping}, {"socket-packet", a_packet}, {"socket-vsock", a_vsock}, {"socket-alg", a_alg},
    {"socket-netfilter", a_netfilter}, {"socket-audit", a_audit}, {"socket-uevent", a_uevent}, {"socket-mptcp", a_mptcp},
    {"socket-sctp", a_sctp}, {"socket-packet-old", a_packet_old}, {"socketpair-tipc", a_tipc_pair},
#ifdef __x86_64__
    {"modify_ldt", a_modify_ldt}, {"iopl", a_iopl}, {"ioperm", a_ioperm}, {"sysfs", a_sysfs},
    {"int80-getpid", a_int80_getpid}, {"int80-socketcall", vsock_through_socketcall}, {"x32-getpid", a_x32_getpid},
    {"x32-ptrace", a_x32_ptrace},
#endif
};

static void tell(const char *name, attempt attempt) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(5);
    errno = 0;
    const long result = attempt();
    _exit(result == -1 ? (errno < 255 ? errno : 255) : 0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) printf("%s LOST\n", name);
  else if (WIFSIGNALED(status)) printf("%s SIG%s\n", name, sigabbrev_np(WTERMSIG(status)));
  else if (WEXITSTATUS(status) == 0) printf("%s ok\n", name);
  else {
    const char *word = strerrorname_np(WEXITSTATUS(status));
    printf("%s %s\n", name, word == NULL ? "ODD" : word);
  }
}

// Root of the machine itself would have all of it done: its name, its mounts, its clock.
static int is_root_of_the_host(void) {
  unsigned inside = 1, outside = 1, count = 0;
  FILE *map = fopen("/proc/self/uid_map", "r");
  const int fields = map == NULL ? 0 : fscanf(map, "%u %u %u", &inside, &outside, &count);
  return geteuid() == 0 && (fields != 3 || count == UINT32_MAX);
}

int main(void) {
  if (is_root_of_the_host()) return 2;
  setvbuf(stdout, NULL, _IONBF, 0);
  for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) tell(attempts[i].name, attempts[i].attempt);
  return 0;
}
