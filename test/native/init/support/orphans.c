// Test support: becomes a subreaper, leaves COUNT grandchildren orphaned to itself, then turns into the program under
// test, which has thereby children that it did not start: what process 1 of a sandbox meets, without a namespace.
//   orphans COUNT PROGRAM [ARG ...]        the orphans live until stdin ends
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void live_until_stdin_ends(void) {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(7);
}

int main(int argc, char **argv) {
  if (argc < 3 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return 99;
  const pid_t parent = fork();
  if (parent < 0) return 99;
  if (parent == 0) {
    for (int i = atoi(argv[1]); i > 0; i--) {
      if (fork() == 0) live_until_stdin_ends();
    }
    _exit(0);
  }
  if (waitpid(parent, NULL, 0) != parent) return 99;
  execv(argv[2], argv + 2);
  return 99;
}
