// Frames as bytes: nothing here makes a system call, keeps state or allocates, so that a fuzzer can have all of it.
#ifndef PADDOCK_WIRE_H
#define PADDOCK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

struct frame {
  uint32_t length;
  uint32_t id;
  uint8_t type;
  uint8_t stream;
  const uint8_t *payload;
};

enum wire_result { WIRE_MORE, WIRE_FRAME, WIRE_VIOLATION };

// Looks for one frame at the beginning of `bytes`. `need` becomes the size of that frame, or of a header while it is
// not known. WIRE_FRAME: the type is known, length, id and stream suit it, and its fields are within their limits.
enum wire_result wire_next(const uint8_t *bytes, size_t have, struct frame *frame, size_t *need);

// The greatest version that both have, or 0.
uint16_t wire_common_version(const struct frame *hello);
enum { HELLO_NONCE_AT = 12 };

// START's payload, whose strings stay where they are.
struct start {
  uint32_t timeout_ms, grace_ms, ring_bytes;
  uint32_t credit[2];
  uint16_t flags, umask, rows, columns;
  uint32_t rlimits, argc, envc;
  const uint8_t *limits;
  const char *cwd, *apparmor, *strings; // `strings`: argc, then envc of them, each NUL-ended
};
enum { START_FIXED_BYTES = 40, START_RLIMIT_BYTES = 24 };
bool wire_start(const uint8_t *payload, size_t length, struct start *start);

uint16_t wire_u16(const uint8_t *at);
uint32_t wire_u32(const uint8_t *at);
uint64_t wire_u64(const uint8_t *at);

// A frame on its way out: `bytes` begins with the header, and `data` bytes follow from `source`'s ring.
struct source;
struct draft {
  uint8_t bytes[HEADER_BYTES + 212];
  size_t length;
  struct source *source;
  size_t data;
};
void draft_begin(struct draft *draft, enum from_init type, unsigned stream, uint32_t id);
void draft_u16(struct draft *draft, uint16_t value);
void draft_u32(struct draft *draft, uint32_t value);
void draft_u64(struct draft *draft, uint64_t value);
void draft_bytes(struct draft *draft, const void *bytes, size_t length);
// Writes the length into the header; to be called when the draft is complete.
void draft_seal(struct draft *draft);

#endif
