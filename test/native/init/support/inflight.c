// Sends descriptors to itself and takes none of them, as many as it is told: they are on their way until it ends.
#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EACH = 100 };

static int send_some(int socket) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(EACH * sizeof(int))];
  } control;
  int sent[EACH];
  char byte = 0;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  struct msghdr whole = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  memset(&control, 0, sizeof control);
  for (int i = 0; i < EACH; i++) sent[i] = STDERR_FILENO;
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof sent);
  memcpy(CMSG_DATA(&control.header), sent, sizeof sent);
  return sendmsg(socket, &whole, MSG_DONTWAIT) == 1;
}

int main(int argc, char **argv) {
  int ends[2];
  const int wanted = argc > 1 ? atoi(argv[1]) : 0;
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0) return 1;
  for (int sent = 0; sent < wanted; sent += EACH) {
    if (!send_some(ends[0])) return 2;
  }
  puts("held");
  fflush(stdout);
  return read(STDIN_FILENO, ends, 1) < 0;
}
