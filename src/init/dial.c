#define _GNU_SOURCE 1
#include "dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "session.h"

static struct dial {
  uint32_t id; // 0: free
  int fd, error;
  uint16_t port;
  bool settled;
} dials[MAX_DIALS];

static struct dial *find(uint32_t id) {
  for (int i = 0; i < MAX_DIALS; i++) {
    if (dials[i].id == id) return &dials[i];
  }
  return NULL;
}

static void settle(struct dial *dial, int error) {
  struct sockaddr_in own = {.sin_port = 0};
  socklen_t size = sizeof own;
  // Where nobody listens the kernel may choose the very port as ours, and connects the socket with itself.
  if (error == 0 && getsockname(dial->fd, (void *)&own, &size) == 0 && own.sin_port == htons(dial->port)) error = ECONNREFUSED;
  dial->error = error;
  dial->settled = true;
}

bool dial_open(const struct frame *frame) {
  struct dial *dial = find(0);
  if (dial == NULL || find(frame->id) != NULL) return false;
  *dial = (struct dial){.id = frame->id, .port = wire_u16(frame->payload)};
  dial->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (dial->fd < 0) {
    settle(dial, errno);
    return true;
  }
  // Whoever listens and never accepts drops what is more than its queue: about 15 seconds then, and not two minutes.
  const int retries = 3;
  setsockopt(dial->fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof retries);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(dial->port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(dial->fd, (void *)&address, sizeof address) == 0) settle(dial, 0);
  else if (errno != EINPROGRESS) settle(dial, errno);
  return true;
}

static void on_settled(void *subject) {
  struct dial *dial = subject;
  int error = 0;
  socklen_t size = sizeof error;
  if (dial->id == 0 || dial->settled) return;
  if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  settle(dial, error);
}

// The connection's id is in the answer, and so nothing of it is said before.
static void draft_dialled(struct dial *dial, struct draft *draft) {
  const uint32_t connection = dial->error == 0 ? connection_take(dial->fd) : 0;
  if (dial->error == 0 && connection == 0) dial->error = EMFILE;
  else if (dial->error != 0 && dial->fd >= 0) close(dial->fd);
  draft_begin(draft, FROM_INIT_DIALLED, STREAM_NONE, dial->id);
  draft_u32(draft, (uint32_t)dial->error);
  draft_u32(draft, connection);
  draft_seal(draft);
  dial->id = 0;
}

bool dials_draft(struct draft *draft) {
  for (int i = 0; i < MAX_DIALS; i++) {
    if (dials[i].id == 0 || !dials[i].settled) continue;
    draft_dialled(&dials[i], draft);
    return true;
  }
  return false;
}

void dials_watch(void) {
  for (int i = 0; i < MAX_DIALS; i++) {
    if (dials[i].id != 0 && !dials[i].settled) session_watch(dials[i].fd, POLLOUT, on_settled, &dials[i]);
  }
}

void dials_reset(void) {
  for (int i = 0; i < MAX_DIALS; i++) {
    if (dials[i].id != 0 && dials[i].fd >= 0) close(dials[i].fd);
    dials[i].id = 0;
  }
}
