// Runs a program on a terminal of its own, of 33 rows and 101 columns: `terminal PROGRAM ARG…`. What it prints goes to stdout.
// Orders come on stdin, one a line: `size ROWS COLUMNS`, `type HEX`. At the end it says whether the terminal's modes are
// what they were (`modes same`, `modes changed`), and `status N`: the exit status, or 128 and the signal.
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

static int terminal;

static void order(const char *line) {
  unsigned rows, columns, byte;
  int used;
  if (sscanf(line, "size %u %u", &rows, &columns) == 2) {
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    ioctl(terminal, TIOCSWINSZ, &size);
  } else if (strncmp(line, "type ", 5) == 0) {
    for (line += 5; sscanf(line, "%2x%n", &byte, &used) == 1; line += used) {
      char key = (char)byte;
      if (write(terminal, &key, 1) != 1) abort();
    }
  }
}

static int pass_on(void) {
  char bytes[65536];
  ssize_t got = read(terminal, bytes, sizeof bytes);
  if (got > 0) fwrite(bytes, 1, (size_t)got, stdout);
  fflush(stdout);
  return got > 0;
}

static int take_orders(void) {
  static char waiting[65536];
  static size_t length;
  ssize_t got = read(0, waiting + length, sizeof waiting - length - 1);
  if (got <= 0) return 0;
  length += (size_t)got;
  waiting[length] = 0;
  for (char *end; (end = strchr(waiting, '\n')) != NULL;) {
    *end = 0;
    order(waiting);
    length -= (size_t)(end + 1 - waiting);
    memmove(waiting, end + 1, length + 1);
  }
  return 1;
}

int main(int argc, char **argv) {
  struct winsize size = {.ws_row = 33, .ws_col = 101};
  struct termios before, after;
  int other, status = 0;
  if (argc < 2 || openpty(&terminal, &other, NULL, NULL, &size) != 0) return 2;
  tcgetattr(other, &before);
  pid_t child = fork();
  if (child == 0) {
    close(terminal);
    login_tty(other);
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  fcntl(terminal, F_SETFL, O_NONBLOCK);
  struct pollfd ends[] = {{.fd = terminal, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  while (waitpid(child, &status, WNOHANG) == 0) {
    poll(ends, 2, 50);
    if (ends[0].revents != 0) pass_on();
    if (ends[1].revents != 0 && !take_orders()) ends[1].fd = -1;
  }
  while (pass_on()) continue;
  tcgetattr(other, &after);
  int same = before.c_iflag == after.c_iflag && before.c_oflag == after.c_oflag && before.c_cflag == after.c_cflag &&
             before.c_lflag == after.c_lflag && memcmp(before.c_cc, after.c_cc, sizeof before.c_cc) == 0;
  printf("\nmodes %s\nstatus %d\n", same ? "same" : "changed",
         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
