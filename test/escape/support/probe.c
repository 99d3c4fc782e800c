// Tries one thing and tells how the kernel took it: `ok`, or the name of the errno. Used from inside a sandbox, and from
// outside as the positive control. Usage: probe NAME [PID]
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int target = 1;

static int try_mount(void) { return mount("probe", "/tmp", "tmpfs", 0, ""); }
static int try_remount_root(void) { return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL); }
static int try_remount_usr(void) { return mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL); }
static int try_bind(void) { return mount("/usr", "/tmp", NULL, MS_BIND, NULL); }
static int try_proc(void) { return mount("proc", "/tmp", "proc", 0, NULL); }
static int try_sysfs(void) { return mount("sysfs", "/tmp", "sysfs", 0, NULL); }
static int try_unmask(void) { return umount2("/proc/kcore", MNT_DETACH); }
static int try_umount_usr(void) { return umount2("/usr", MNT_DETACH); }
static int try_chroot(void) { return chroot("/tmp"); }
static int try_pivot_root(void) { return (int)syscall(SYS_pivot_root, "/tmp", "/tmp"); }
static int try_unshare_mnt(void) { return unshare(CLONE_NEWNS); }
static int try_unshare_net(void) { return unshare(CLONE_NEWNET); }
static int try_mknod_mem(void) { return mknod("/tmp/probe-mem", S_IFCHR | 0600, makedev(1, 1)); }
static int try_mknod_disk(void) { return mknod("/tmp/probe-disk", S_IFBLK | 0600, makedev(8, 0)); }
static int try_raw_socket(void) { return socket(AF_INET, SOCK_RAW, 1); }
static int try_packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
static int try_hostname(void) { return sethostname("probe", 5); }
static int try_setuid(void) { return setuid(4242); }
static int try_setgroups(void) { return (int)syscall(SYS_setgroups, 0, NULL); }
static int try_chown(void) {
  close(open("/tmp/probe-own", O_CREAT | O_WRONLY, 0600));
  return chown("/tmp/probe-own", 4242, 4242);
}
static int try_settime(void) {
  const struct timeval now = {1, 0};
  return settimeofday(&now, NULL);
}
static int try_reboot(void) { return (int)syscall(SYS_reboot, 1, 2, 3, NULL); }
static int try_swapon(void) { return swapon("/tmp/none", 0); }
static int try_module(void) { return (int)syscall(SYS_init_module, "", 0, ""); }
static int try_kexec(void) { return (int)syscall(SYS_kexec_load, 0, 0, NULL, 0); }
static int try_bpf(void) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_type = BPF_MAP_TYPE_HASH;
  attr.key_size = attr.value_size = attr.max_entries = 4;
  return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}
static int try_syslog(void) {
  char text[64];
  return klogctl(3, text, sizeof text);
}
static int try_by_handle(void) {
  struct {
    struct file_handle handle;
    unsigned char bytes[8];
  } root = {{8, 1}, {2}};
  return open_by_handle_at(AT_FDCWD, &root.handle, O_RDONLY);
}
static int try_setns(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/mnt", target);
  const int fd = open(path, O_RDONLY);
  return fd < 0 ? -1 : setns(fd, CLONE_NEWNS);
}
static int try_dev_mem(void) { return open("/dev/mem", O_RDONLY); }
static int try_dev_kmsg(void) { return open("/dev/kmsg", O_RDONLY); }
static int try_dev_fuse(void) { return open("/dev/fuse", O_RDWR); }
static int try_dev_tun(void) { return open("/dev/net/tun", O_RDWR); }
static int try_dev_kvm(void) { return open("/dev/kvm", O_RDWR); }
static int try_init_memory(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", target);
  return open(path, O_RDWR);
}
static int try_init_root(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/root/etc/shadow", target);
  return open(path, O_RDONLY);
}
static int try_newuser_mount(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return -1;
  return try_remount_usr();
}
static int try_newuser_unmask(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return -1;
  return try_unmask();
}
static int try_newuser_bare_root(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return -1;
  return try_umount_usr();
}
static int try_newuser_proc(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) _exit(try_proc() == 0 ? 0 : errno);
  int status = 0;
  waitpid(child, &status, 0);
  errno = WEXITSTATUS(status);
  return errno == 0 ? 0 : -1;
}
static int try_newuser_mknod(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return -1;
  return try_mknod_mem();
}
static int try_newuser_sysctl(void) {
  if (unshare(CLONE_NEWUSER) != 0) return -1;
  return open("/proc/sys/kernel/core_pattern", O_WRONLY);
}
static int try_newuser_setns(void) {
  if (unshare(CLONE_NEWUSER) != 0) return -1;
  return try_setns();
}

static const struct {
  const char *name;
  int (*attempt)(void);
} attempts[] = {
    {"mount", try_mount}, {"remount-root", try_remount_root}, {"remount-usr", try_remount_usr}, {"bind", try_bind},
    {"mount-proc", try_proc}, {"mount-sysfs", try_sysfs}, {"unmask", try_unmask}, {"umount-usr", try_umount_usr},
    {"chroot", try_chroot}, {"pivot-root", try_pivot_root}, {"unshare-mnt", try_unshare_mnt},
    {"unshare-net", try_unshare_net}, {"mknod-mem", try_mknod_mem}, {"mknod-disk", try_mknod_disk},
    {"raw-socket", try_raw_socket}, {"packet-socket", try_packet_socket}, {"hostname", try_hostname},
    {"setuid", try_setuid}, {"setgroups", try_setgroups}, {"chown", try_chown},
    {"settime", try_settime}, {"reboot", try_reboot}, {"swapon", try_swapon}, {"module", try_module},
    {"kexec", try_kexec}, {"bpf", try_bpf}, {"syslog", try_syslog}, {"by-handle", try_by_handle},
    {"setns", try_setns}, {"dev-mem", try_dev_mem}, {"dev-kmsg", try_dev_kmsg}, {"dev-fuse", try_dev_fuse},
    {"dev-tun", try_dev_tun}, {"dev-kvm", try_dev_kvm}, {"init-memory", try_init_memory}, {"init-root", try_init_root},
    {"newuser-remount", try_newuser_mount}, {"newuser-unmask", try_newuser_unmask},
    {"newuser-umount", try_newuser_bare_root}, {"newuser-proc", try_newuser_proc},
    {"newuser-mknod", try_newuser_mknod}, {"newuser-sysctl", try_newuser_sysctl}, {"newuser-setns", try_newuser_setns},
};

int main(int argc, char **argv) {
  if (argc > 2) target = atoi(argv[2]);
  for (size_t i = 0; argc > 1 && i < sizeof attempts / sizeof attempts[0]; i++) {
    if (strcmp(attempts[i].name, argv[1]) != 0) continue;
    errno = 0;
    const int result = attempts[i].attempt();
    puts(result >= 0 ? "ok" : strerrorname_np(errno));
    return 0;
  }
  return 2;
}
