// A chain of forks: each generation counts itself in the file that is named, begins the next, as a sibling, and is gone. None of them
// lives as long as a listing of processes takes, and none has to be waited for.
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT, 0644) : -1;
  if (fd < 0 || ftruncate(fd, sizeof(uint64_t)) != 0) return 1;
  volatile uint64_t *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (count == MAP_FAILED) return 1;
  // Nobody is told of a child that is gone, and none stays behind.
  signal(SIGCHLD, SIG_IGN);
  if (fork() != 0) {
    for (;;) pause();
  }
  for (;;) {
    const long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (child > 0) _exit(0);
    if (child == 0) ++*count;
  }
}
