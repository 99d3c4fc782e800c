// Tries every way in which one process can get at another of the same user: `reach PID`, or `reach child` for a plain
// process of its own, which shows that the ways are open at all. One line each: `WAY ok` or `WAY ERRNO`.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *way, long result) {
  if (result >= 0) printf("%s ok\n", way);
  else printf("%s %s\n", way, strerrorname_np(errno));
}

static long opened(pid_t pid, const char *file, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
  return open(path, flags | O_NONBLOCK | O_CLOEXEC);
}

static long any_fd(pid_t pid, int flags) {
  long best = -1;
  for (int fd = 0; fd < 64 && best < 0; fd++) {
    char file[32];
    snprintf(file, sizeof file, "fd/%d", fd);
    best = opened(pid, file, flags);
    if (best < 0 && errno == ENOENT) continue;
    if (best < 0) return best;
  }
  return best;
}

static long taken_fd(pid_t pid) {
  const int handle = (int)syscall(SYS_pidfd_open, pid, 0);
  return handle < 0 ? -1 : syscall(SYS_pidfd_getfd, handle, 0, 0);
}

static long read_memory(pid_t pid) {
  char here[8];
  static char there[8];
  struct iovec local = {here, sizeof here}, remote = {there, sizeof there};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

int main(int argc, char **argv) {
  const int is_child = argc == 2 && strcmp(argv[1], "child") == 0;
  if (argc != 2) return 2;
  const pid_t pid = is_child ? fork() : (pid_t)atoi(argv[1]);
  if (pid == 0) {
    pause();
    _exit(0);
  }
  say("fd-read", any_fd(pid, O_RDONLY));
  say("fd-write", any_fd(pid, O_WRONLY));
  say("mem", opened(pid, "mem", O_RDWR));
  say("environ", opened(pid, "environ", O_RDONLY));
  say("vm-read", read_memory(pid));
  say("pidfd", taken_fd(pid));
  say("ptrace", ptrace(PTRACE_SEIZE, pid, 0, 0));
  if (is_child) kill(pid, SIGKILL);
  return 0;
}
