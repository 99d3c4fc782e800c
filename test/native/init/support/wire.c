// Test support: src/init/wire.c under the sanitizers. Every input lies at the very end of a block of its own size, so
// that reading one byte too far is seen. Prints what failed; silent and 0 when nothing did.
#include "../../../../src/init/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "not so: %s\n", what);
  failures++;
}

static enum wire_result parse(const uint8_t *bytes, size_t length, struct frame *frame, size_t *need) {
  uint8_t *exact = malloc(length > 0 ? length : 1);
  memcpy(exact, bytes, length);
  const enum wire_result result = wire_next(exact, length, frame, need);
  free(exact);
  return result;
}

static bool start_is_good(const uint8_t *payload, size_t length) {
  uint8_t *exact = malloc(length > 0 ? length : 1);
  memcpy(exact, payload, length);
  struct start start;
  const bool good = wire_start(exact, length, &start);
  if (good) {
    const char *at = start.strings;
    for (uint32_t i = 0; i < start.argc + start.envc; i++) at += strlen(at) + 1;
    check(at == (const char *)exact + length, "the strings of an accepted START fill its payload");
  }
  free(exact);
  return good;
}

static const uint8_t frame_of_ping[] = {3, 0, 0, 0, TO_INIT_PING, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c'};

static void partial_frames(void) {
  struct frame frame;
  size_t need = 0;
  for (size_t have = 0; have < sizeof frame_of_ping; have++) {
    check(parse(frame_of_ping, have, &frame, &need) == WIRE_MORE, "a part of a frame is waited for");
    check(need == (have < HEADER_BYTES ? (size_t)HEADER_BYTES : sizeof frame_of_ping), "need is what is missing");
  }
  check(parse(frame_of_ping, sizeof frame_of_ping, &frame, &need) == WIRE_FRAME, "a whole frame is one");
  check(frame.type == TO_INIT_PING && frame.length == 3 && frame.id == 0, "its header is read");
}

static void refused_before_the_payload_is_there(void) {
  uint8_t large[HEADER_BYTES] = {0, 0, 0x20, 0, TO_INIT_START, 0, 0, 0, 1, 0, 0, 0};
  struct frame frame;
  size_t need = 0;
  check(parse(large, sizeof large, &frame, &need) == WIRE_MORE, "a START of two megabytes is waited for");
  check(need == HEADER_BYTES + (size_t)MAX_START_PAYLOAD, "and how long it is is known");
  large[0] = 1;
  check(parse(large, sizeof large, &frame, &need) == WIRE_VIOLATION, "one byte more is refused at once");
  for (int type = 0; type < 256; type++) {
    uint8_t longest[HEADER_BYTES] = {0xff, 0xff, 0xff, 0xff, (uint8_t)type, 0, 0, 0, 1, 0, 0, 0};
    check(parse(longest, sizeof longest, &frame, &need) == WIRE_VIOLATION, "no type takes four gigabytes");
  }
}

// timeout, grace, ring, 2 credits · flags, umask, rows, columns · 1 rlimit, 2 arguments, 1 variable.
static const uint8_t start[] = {
    1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 1, 0, 0, 0, 1, 3, 0, 0xff, 1, 24, 0, 80, 0, 1, 0, 0, 0, 2, 0, 0, 0,
    1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
    '/', 't', 0, 's', 't', 'a', 'c', 'k', ' ', 'p', 0, 'l', 's', 0, 0, 'A', '=', 0};

static void every_start_that_is_cut_is_refused(void) {
  check(start_is_good(start, sizeof start), "the whole START is good");
  for (size_t length = 0; length < sizeof start; length++) {
    check(!start_is_good(start, length), "a START that is cut is refused");
  }
  uint8_t longer[sizeof start + 1] = {0};
  memcpy(longer, start, sizeof start);
  check(!start_is_good(longer, sizeof longer), "a START with one string more is refused");
}

// xorshift: the same inputs every time.
static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static void changed_starts_never_reach_beyond(void) {
  uint32_t state = 2463534242;
  for (int round = 0; round < 200000; round++) {
    uint8_t changed[sizeof start];
    memcpy(changed, start, sizeof start);
    for (uint32_t i = next_random(&state) % 4 + 1; i > 0; i--) {
      changed[next_random(&state) % sizeof changed] = (uint8_t)next_random(&state);
    }
    start_is_good(changed, next_random(&state) % 8 == 0 ? next_random(&state) % sizeof changed : sizeof changed);
  }
}

static void drafts_carry_their_length(void) {
  struct draft draft;
  draft_begin(&draft, FROM_INIT_OUTPUT, STREAM_STDERR, 0x01020304);
  draft_u64(&draft, 0x1122334455667788);
  draft.data = 0x10000;
  draft_seal(&draft);
  static const uint8_t expected[] = {8,    0,    1,    0,    FROM_INIT_OUTPUT, 2,    0,    0,    4,    3,
                                     2,    1,    0x88, 0x77, 0x66,             0x55, 0x44, 0x33, 0x22, 0x11};
  check(draft.length == sizeof expected && memcmp(draft.bytes, expected, sizeof expected) == 0, "a draft's bytes");
  draft_bytes(&draft, start, sizeof start);
  for (int i = 0; i < 100; i++) draft_bytes(&draft, start, sizeof start);
  check(draft.length <= sizeof draft.bytes, "a draft does not grow beyond its block");
}

int main(void) {
  partial_frames();
  refused_before_the_payload_is_there();
  every_start_that_is_cut_is_refused();
  changed_starts_never_reach_beyond();
  drafts_carry_their_length();
  return failures == 0 ? 0 : 1;
}
