// The standard streams of a command: near ends for process 1, far ones for the command.
#define _GNU_SOURCE 1
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

void streams_close(int *ends) {
  for (int i = 0; i < STREAM_ENDS; i++) {
    if (ends[i] >= 0) close(ends[i]);
    ends[i] = -1;
  }
}

bool streams_pipes(int *near, int *far) {
  for (int i = 0; i < TERMINAL; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    near[i] = ends[i == STDIN_FILENO ? 1 : 0];
    far[i] = ends[i == STDIN_FILENO ? 0 : 1];
  }
  return true;
}

bool streams_terminal(int *near, int *far) {
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  const int locked = 0;
  if (master < 0) return false;
  near[TERMINAL] = master;
  if (ioctl(master, TIOCSPTLCK, &locked) != 0) return false;
  // Not by its name in /dev/pts, which may be another's in this mount namespace.
  far[TERMINAL] = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return far[TERMINAL] >= 0;
}
