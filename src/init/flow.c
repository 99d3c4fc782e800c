#define _GNU_SOURCE 1
#include "flow.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "outbox.h"
#include "wire.h"

// For the two VEOF characters that end a terminal's input, which no window counts.
enum { END_OF_INPUT_BYTES = 2 };

static bool ring_open(struct ring *ring, uint32_t size) {
  memset(ring, 0, sizeof *ring);
  void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return false;
  // Else each supervisor would keep a copy of every page that is written after it was forked.
  madvise(base, size, MADV_DONTFORK);
  ring->base = base;
  ring->size = size;
  return true;
}

static void ring_free(struct ring *ring) {
  if (ring->base != NULL) munmap(ring->base, ring->size);
  memset(ring, 0, sizeof *ring);
}

static size_t ring_used(const struct ring *ring) { return (size_t)(ring->head - ring->tail); }

int ring_segments(const struct ring *ring, uint64_t from, size_t length, struct iovec *segments) {
  const size_t at = (size_t)(from % ring->size);
  const size_t first = length < ring->size - at ? length : ring->size - at;
  segments[0] = (struct iovec){ring->base + at, first};
  segments[1] = (struct iovec){ring->base, length - first};
  return length > first ? 2 : 1;
}

static bool would_block(ssize_t result) { return result < 0 && (errno == EAGAIN || errno == EINTR); }

bool source_open(struct source *source, int fd, uint32_t ring_bytes) {
  memset(source, 0, sizeof *source);
  source->fd = fd;
  return ring_open(&source->ring, ring_bytes);
}

void source_close(struct source *source) {
  if (source->fd >= 0 && !source->shared) close(source->fd);
  source->fd = -1;
}

static size_t source_room(const struct source *source) {
  size_t room = source->lossy ? source->ring.size : source->ring.size - ring_used(&source->ring);
  if (room > MAX_DATA) room = MAX_DATA;
  return source->ending && source->left < room ? (size_t)source->left : room;
}

bool source_wants(const struct source *source) { return source->fd >= 0 && source_room(source) > 0; }

// Reading over the oldest bytes drops exactly as many as have come.
static void source_took(struct source *source, size_t length) {
  struct ring *ring = &source->ring;
  ring->head += length;
  if (ring_used(ring) > ring->size) ring->tail = ring->head - ring->size;
  source->left -= length;
}

void source_read(struct source *source) {
  if (source->fd < 0) return;
  const size_t room = source_room(source);
  if (room > 0) {
    struct ring *ring = &source->ring;
    if (room > ring->size - ring_used(ring)) outbox_keep(source);
    struct iovec segments[2];
    const ssize_t got = readv(source->fd, segments, ring_segments(ring, ring->head, room, segments));
    if (got > 0) source_took(source, (size_t)got);
    const bool blocked = would_block(got);
    if (got < 0 && !blocked) source->broken = true;
    if (got == 0 || source->broken || (blocked && source->ending)) source_close(source);
  }
  if (source->ending && source->left == 0) source_close(source);
}

void source_end(struct source *source, uint64_t left) {
  source->ending = true;
  source->left = left;
  while (source->fd >= 0 && (source_room(source) > 0 || source->left == 0)) source_read(source);
}

bool source_is_done(const struct source *source) { return source->fd < 0 && ring_used(&source->ring) == 0; }

bool source_draft(struct source *source, struct draft *draft, unsigned stream, uint32_t id) {
  size_t length = ring_used(&source->ring);
  if (length > source->credit) length = source->credit;
  if (length > MAX_DATA) length = MAX_DATA;
  if (length == 0) return false;
  source->credit -= (uint32_t)length;
  const bool connection = stream == STREAM_CONNECTION;
  draft_begin(draft, connection ? FROM_INIT_CONNECTION_DATA : FROM_INIT_OUTPUT, connection ? STREAM_NONE : stream, id);
  if (!connection) draft_u64(draft, source->ring.tail);
  draft->source = source;
  draft->data = length;
  draft_seal(draft);
  return true;
}

void source_rewind(struct source *source) {
  source->credit = 0;
  source->lossy = true;
  source->ring.tail = source->ring.head > source->ring.size ? source->ring.head - source->ring.size : 0;
}

void source_free(struct source *source) {
  outbox_keep(source);
  source_close(source);
  ring_free(&source->ring);
}

bool sink_open(struct sink *sink, int fd, enum sink_kind kind, uint32_t window) {
  memset(sink, 0, sizeof *sink);
  sink->fd = fd;
  sink->kind = kind;
  sink->window = window;
  return window == 0 || ring_open(&sink->ring, window + END_OF_INPUT_BYTES);
}

void sink_close(struct sink *sink) {
  // Only a pipe's end is a sink's own; a terminal or a socket is read from as well.
  if (sink->fd >= 0 && sink->kind == SINK_PIPE) close(sink->fd);
  if (sink->fd >= 0 && sink->kind == SINK_SOCKET) shutdown(sink->fd, SHUT_WR);
  sink->fd = -1;
  sink->owed += (uint32_t)ring_used(&sink->ring);
  sink->ring.tail = sink->ring.head;
}

static void sink_append(struct sink *sink, const uint8_t *bytes, size_t length) {
  struct iovec segments[2];
  const int count = ring_segments(&sink->ring, sink->ring.head, length, segments);
  memcpy(segments[0].iov_base, bytes, segments[0].iov_len);
  if (count == 2) memcpy(segments[1].iov_base, bytes + segments[0].iov_len, segments[1].iov_len);
  sink->ring.head += length;
}

bool sink_put(struct sink *sink, const uint8_t *bytes, size_t length) {
  if (length > sink->window || sink->ending) return false;
  sink->window -= (uint32_t)length;
  sink->last = bytes[length - 1];
  size_t written = 0;
  if (sink->fd >= 0 && ring_used(&sink->ring) == 0) {
    const ssize_t wrote = write(sink->fd, bytes, length);
    if (wrote > 0) written = (size_t)wrote;
    if (wrote < 0 && !would_block(wrote)) {
      sink->broken = true;
      sink_close(sink);
    }
  }
  if (sink->fd < 0) written = length;
  sink->owed += (uint32_t)written;
  if (written < length) sink_append(sink, bytes + written, length - written);
  return true;
}

void sink_end(struct sink *sink) {
  if (sink->ending) return;
  sink->ending = true;
  struct termios modes;
  if (sink->fd >= 0 && sink->kind == SINK_TERMINAL && sink->ring.base != NULL && tcgetattr(sink->fd, &modes) == 0) {
    // The character hands an unfinished line over and is the end of the input only after that.
    const uint8_t twice[END_OF_INPUT_BYTES] = {modes.c_cc[VEOF], modes.c_cc[VEOF]};
    const bool mid_line = sink->last != '\0' && sink->last != '\n' && sink->last != '\r';
    sink_append(sink, twice, mid_line ? 2 : 1);
  }
  sink_flush(sink);
}

bool sink_wants(const struct sink *sink) { return sink->fd >= 0 && ring_used(&sink->ring) > 0; }

void sink_flush(struct sink *sink) {
  while (sink_wants(sink)) {
    struct iovec segments[2];
    const int count = ring_segments(&sink->ring, sink->ring.tail, ring_used(&sink->ring), segments);
    const ssize_t wrote = writev(sink->fd, segments, count);
    if (would_block(wrote)) return;
    if (wrote <= 0) {
      sink->broken = true;
      break;
    }
    sink->ring.tail += (uint64_t)wrote;
    sink->owed += (uint32_t)wrote;
  }
  if (sink->ending || sink->broken) sink_close(sink);
}

// A quarter of the window at a time: a frame for each write would wake the holder for each. What is not owed yet is the holder's
// to send, or waits in the ring and will be owed.
bool sink_draft(struct sink *sink, struct draft *draft, uint32_t id) {
  if (sink->owed == 0 || sink->owed < sink->ring.size / 4 || sink->ending) return false;
  draft_begin(draft, FROM_INIT_CREDIT, STREAM_NONE, id);
  draft_u32(draft, sink->owed);
  draft_seal(draft);
  sink->window += sink->owed;
  sink->owed = 0;
  return true;
}

void sink_free(struct sink *sink) {
  sink_close(sink);
  ring_free(&sink->ring);
}
