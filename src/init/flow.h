// One direction of bytes between a descriptor and the channel. A source is read into a ring and sent against credit; a
// sink takes what the holder sent within its window and writes it away.
#ifndef PADDOCK_FLOW_H
#define PADDOCK_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct draft;

// Positions count from the stream's first byte. The bytes from `head - size` on are still there, sent or not.
struct ring {
  uint8_t *base;
  uint32_t size;
  uint64_t head, tail;
};
int ring_segments(const struct ring *ring, uint64_t from, size_t length, struct iovec *segments);

struct source {
  int fd; // -1: nothing more will come
  bool shared; // the descriptor is somebody else's to close
  bool lossy; // without room the oldest bytes are dropped; else the writer has to wait
  bool ending; // `left` bytes are still to be read, whoever else may write
  bool broken; // by an error and not by its end
  uint64_t left;
  uint32_t credit;
  struct ring ring;
};
bool source_open(struct source *source, int fd, uint32_t ring_bytes);
void source_close(struct source *source);
bool source_wants(const struct source *source);
void source_read(struct source *source);
void source_end(struct source *source, uint64_t left);
bool source_draft(struct source *source, struct draft *draft, unsigned stream, uint32_t id);
bool source_is_done(const struct source *source);
// The holder is gone, and with it what it may not have read: what the ring still has will be sent again.
void source_rewind(struct source *source);
// Closes and unmaps; a frame on its way keeps its bytes.
void source_free(struct source *source);

enum sink_kind { SINK_PIPE, SINK_TERMINAL, SINK_SOCKET };
struct sink {
  int fd; // -1: bytes are dropped
  enum sink_kind kind;
  bool ending, broken;
  uint8_t last;
  uint32_t window; // what the holder may still send
  uint32_t owed; // written away and not yet told
  struct ring ring;
};
bool sink_open(struct sink *sink, int fd, enum sink_kind kind, uint32_t window);
// False: more than the window, or after the end.
bool sink_put(struct sink *sink, const uint8_t *bytes, size_t length);
void sink_end(struct sink *sink);
bool sink_wants(const struct sink *sink);
void sink_flush(struct sink *sink);
bool sink_draft(struct sink *sink, struct draft *draft, uint32_t id);
// Whatever is not written yet is dropped.
void sink_close(struct sink *sink);
void sink_free(struct sink *sink);

#endif
