// Everything in a sandbox ends with process 1, so the kernel should take any other process first. Size decides, and
// then oom_score_adj, which everybody may lower to where someone privileged has set it last: a command that does so
// must not end up below process 1. All of it is best effort: there may be no /proc.
#define _GNU_SOURCE 1
#include "oom.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

// systemd's choice for what a user starts; without it the sandbox of a login without systemd would have 0.
enum { LEAST_OF_COMMANDS = 200, STEP = 25 };

static int file = -1;
static int own, of_commands;

// By hand, for printf and its like would be a fifth of the program. No zeros in front: the kernel would read octal.
static bool set(int score) {
  char text[8];
  size_t at = sizeof text;
  unsigned left = (unsigned)(score < 0 ? -score : score);
  do text[--at] = (char)('0' + left % 10);
  while ((left /= 10) > 0 && at > 1);
  if (score < 0) text[--at] = '-';
  const ssize_t length = (ssize_t)(sizeof text - at);
  return pwrite(file, text + at, (size_t)length, 0) == length;
}

static bool get(int *score) {
  char text[8] = "";
  if (pread(file, text, sizeof text - 1, 0) <= 0) return false;
  const char *digit = text[0] == '-' ? text + 1 : text;
  for (*score = 0; *digit >= '0' && *digit <= '9'; digit++) *score = *score * 10 + (*digit - '0');
  if (text[0] == '-') *score = -*score;
  return true;
}

void oom_shield(void) {
  const int opened = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (opened < 0) return;
  // 0, 1 and 2 may be free, and what is open under these numbers ends up in commands.
  file = fcntl(opened, F_DUPFD_CLOEXEC, 3);
  close(opened);
  if (file < 0) return;
  if (!get(&own)) {
    close(file);
    file = -1;
    return;
  }
  of_commands = own < LEAST_OF_COMMANDS ? LEAST_OF_COMMANDS : own;
  // Not below 0: what nobody may kill leaves a full sandbox hanging.
  for (int lower = 0; lower < own; lower += STEP) {
    if (set(lower)) own = lower;
  }
}

void oom_drop_shield(void) {
  if (file >= 0) set(of_commands);
}

void oom_raise_shield(void) {
  if (file >= 0) set(own);
}
