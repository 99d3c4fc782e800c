#define _GNU_SOURCE 1
#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "session.h"

struct listener {
  uint32_t id; // 0: free
  int fd, error;
  uint16_t port;
  bool owed;
};

struct connection {
  uint32_t id; // 0: free
  uint32_t listener;
  int fd;
  bool accept_owed, end_owed;
  struct source source;
  struct sink sink;
};

static struct listener listeners[MAX_LISTENERS];
static struct connection connections[MAX_CONNECTIONS];
static uint32_t high;
static uint32_t next_id = (uint32_t)FIRST_CONNECTION_ID;

uint32_t connections_high(void) { return MAX_LISTENERS + high; }

static struct listener *find_listener(uint32_t id) {
  for (int i = 0; i < MAX_LISTENERS; i++) {
    if (listeners[i].id == id) return &listeners[i];
  }
  return NULL;
}

static int open_socket(uint16_t *port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct sockaddr *generic = (void *)&address;
  socklen_t size = sizeof address;
  if (fd < 0) return -1;
  // The next holder listens where connections of the one before are not forgotten yet (TIME_WAIT), or live on. Nobody else gets in beside a listener.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(fd, generic, size) == 0 && listen(fd, 128) == 0 && getsockname(fd, generic, &size) == 0) {
    *port = ntohs(address.sin_port);
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

bool listener_open(const struct frame *frame) {
  struct listener *listener = find_listener(0);
  if (find_listener(frame->id) != NULL || listener == NULL) return false;
  *listener = (struct listener){.id = frame->id, .owed = true, .port = wire_u16(frame->payload)};
  listener->fd = open_socket(&listener->port);
  listener->error = listener->fd < 0 ? errno : 0;
  return true;
}

// One that could not listen is forgotten when that has been said, which may cross with this.
bool listener_close(const struct frame *frame) {
  struct listener *listener = find_listener(frame->id);
  if (listener == NULL) return true;
  if (listener->fd >= 0) close(listener->fd);
  listener->id = 0;
  return true;
}

static bool draft_listening(struct listener *listener, struct draft *draft) {
  if (listener->id == 0 || !listener->owed) return false;
  listener->owed = false;
  draft_begin(draft, FROM_INIT_LISTENING, STREAM_NONE, listener->id);
  draft_u32(draft, (uint32_t)listener->error);
  draft_u16(draft, listener->port);
  draft_seal(draft);
  if (listener->fd < 0) listener->id = 0;
  return true;
}

static struct connection *take_slot(void) {
  uint32_t slot = 0;
  while (slot < high && connections[slot].id != 0) slot++;
  if (slot == MAX_CONNECTIONS || next_id == 0) return NULL;
  if (slot == high) high++;
  return &connections[slot];
}

static void release(struct connection *connection) {
  connection->sink.fd = -1; // not to be shut down, but closed
  sink_free(&connection->sink);
  source_free(&connection->source);
  close(connection->fd);
  connection->id = 0;
  while (high > 0 && connections[high - 1].id == 0) high--;
}

static struct connection *take(int fd) {
  struct connection *connection = take_slot();
  if (connection == NULL) {
    close(fd);
    return NULL;
  }
  memset(connection, 0, sizeof *connection);
  connection->fd = fd;
  connection->id = next_id++;
  connection->end_owed = true;
  const bool readable = source_open(&connection->source, fd, STREAM_RING_BYTES);
  const bool writable = sink_open(&connection->sink, fd, SINK_SOCKET, CONNECTION_WINDOW);
  connection->source.shared = true;
  connection->source.credit = CONNECTION_WINDOW;
  if (readable && writable) return connection;
  release(connection);
  return NULL;
}

uint32_t connection_take(int fd) {
  const struct connection *connection = take(fd);
  return connection == NULL ? 0 : connection->id;
}

static void on_caller(void *subject) {
  const struct listener *listener = subject;
  const int fd = listener->id == 0 ? -1 : accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  struct connection *connection = fd < 0 ? NULL : take(fd);
  if (connection == NULL) return;
  connection->listener = listener->id;
  connection->accept_owed = true;
}

// NULL with *known: one that has been forgotten, and whose frames may have crossed with that.
static struct connection *find(uint32_t id, bool *known) {
  *known = next_id == 0 || id < next_id;
  for (uint32_t i = 0; i < high; i++) {
    if (connections[i].id == id) return &connections[i];
  }
  return NULL;
}

bool connection_data(const struct frame *frame) {
  bool known = false;
  struct connection *connection = find(frame->id, &known);
  return connection == NULL ? known : sink_put(&connection->sink, frame->payload, frame->length);
}

bool connection_end(const struct frame *frame) {
  bool known = false;
  struct connection *connection = find(frame->id, &known);
  if (connection != NULL) sink_end(&connection->sink);
  return known;
}

static void reset(struct connection *connection) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  release(connection);
}

bool connection_reset(const struct frame *frame) {
  bool known = false;
  struct connection *connection = find(frame->id, &known);
  if (connection != NULL) reset(connection);
  return known;
}

bool connection_credit(const struct frame *frame) {
  bool known = false;
  struct connection *connection = find(frame->id, &known);
  if (connection == NULL) return known;
  const uint32_t more = wire_u32(frame->payload);
  if (more > CONNECTION_WINDOW - connection->source.credit) return false;
  connection->source.credit += more;
  return true;
}

static void draft_empty(const struct connection *connection, struct draft *draft, enum from_init type) {
  draft_begin(draft, type, STREAM_NONE, connection->id);
  if (type == FROM_INIT_ACCEPTED) draft_u32(draft, connection->listener);
  draft_seal(draft);
}

static bool draft_connection(struct connection *connection, struct draft *draft) {
  if (connection->id == 0) return false;
  if (connection->accept_owed) {
    connection->accept_owed = false;
    draft_empty(connection, draft, FROM_INIT_ACCEPTED);
    return true;
  }
  if (connection->source.broken || connection->sink.broken) {
    draft_empty(connection, draft, FROM_INIT_CONNECTION_RESET);
    reset(connection);
    return true;
  }
  if (sink_draft(&connection->sink, draft, connection->id)) return true;
  if (source_draft(&connection->source, draft, STREAM_CONNECTION, connection->id)) return true;
  if (connection->end_owed && source_is_done(&connection->source)) {
    connection->end_owed = false;
    draft_empty(connection, draft, FROM_INIT_CONNECTION_END);
    return true;
  }
  // Both directions have ended, and both sides know.
  if (!connection->end_owed && connection->sink.fd < 0) release(connection);
  return false;
}

bool connection_draft(uint32_t slot, struct draft *draft) {
  if (slot < MAX_LISTENERS) return draft_listening(&listeners[slot], draft);
  return draft_connection(&connections[slot - MAX_LISTENERS], draft);
}

static void on_data(void *subject) { source_read(subject); }
static void on_room(void *subject) { sink_flush(subject); }

void connections_watch(void) {
  for (int i = 0; i < MAX_LISTENERS; i++) {
    struct listener *listener = &listeners[i];
    if (listener->id != 0 && !listener->owed) session_watch(listener->fd, POLLIN, on_caller, listener);
  }
  for (uint32_t i = 0; i < high; i++) {
    struct connection *connection = &connections[i];
    if (connection->id == 0) continue;
    if (source_wants(&connection->source)) session_watch(connection->fd, POLLIN, on_data, &connection->source);
    if (sink_wants(&connection->sink)) session_watch(connection->fd, POLLOUT, on_room, &connection->sink);
  }
}

void connections_reset(void) {
  for (int i = 0; i < MAX_LISTENERS; i++) {
    if (listeners[i].id != 0 && listeners[i].fd >= 0) close(listeners[i].fd);
    listeners[i].id = 0;
  }
  for (uint32_t i = 0; i < MAX_CONNECTIONS; i++) {
    if (connections[i].id != 0) reset(&connections[i]);
  }
}
