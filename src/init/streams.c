// Three descriptors on their way from process 1 through a supervisor to a first process that was there before them.
#define _GNU_SOURCE 1
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "supervisor.h"

enum { STREAMS = 3 };

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(STREAMS * sizeof(int))];
};

bool streams_send(int socket, const void *message, size_t bytes, const int *stdio) {
  union control control;
  memset(&control, 0, sizeof control);
  struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = bytes};
  struct msghdr whole = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(STREAMS * sizeof(int));
  memcpy(CMSG_DATA(&control.header), stdio, STREAMS * sizeof(int));
  return sendmsg(socket, &whole, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes;
}

ssize_t streams_receive(int socket, void *message, size_t bytes, int flags, int *stdio) {
  union control control;
  memset(&control, 0, sizeof control);
  struct iovec part = {.iov_base = message, .iov_len = bytes};
  struct msghdr whole = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  for (int i = 0; i < STREAMS; i++) stdio[i] = -1;
  const ssize_t got = recvmsg(socket, &whole, flags | MSG_CMSG_CLOEXEC);
  const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&whole) : NULL;
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return got;
  if (header->cmsg_len == CMSG_LEN(STREAMS * sizeof(int))) memcpy(stdio, CMSG_DATA(header), STREAMS * sizeof(int));
  return got;
}
