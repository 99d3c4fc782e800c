// Test support: asks process 1 to stop in the ways in which a process of the same user can make up who asks.
//   forge queue|owner
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// From a sender of no number, as whoever is outside has none. Only codes that the kernel itself does not use may be made up.
static int queue(int code) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGTERM;
  info.si_code = code;
  return (int)syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &info);
}

// The kernel itself signals whoever a pipe is said to belong to.
static int owner(void) {
  int ends[2];
  if (pipe(ends) != 0 || fcntl(ends[0], F_SETOWN, 1) != 0 || fcntl(ends[0], F_SETSIG, SIGTERM) != 0) return -1;
  if (fcntl(ends[0], F_SETFL, O_ASYNC) != 0) return -1;
  return write(ends[1], "x", 1) == 1 ? 0 : -1;
}

int main(int argc, char **argv) {
  if (argc != 2) return 99;
  if (strcmp(argv[1], "queue") == 0 && queue(SI_USER) == 0) return 98;
  const int failed = strcmp(argv[1], "queue") == 0 ? queue(SI_QUEUE) : owner();
  if (failed != 0) perror(argv[1]);
  return failed == 0 ? 0 : 1;
}
