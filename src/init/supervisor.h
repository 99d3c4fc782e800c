// What process 1 and a command's supervisor say to each other, over a socket pair that keeps messages whole.
#ifndef PADDOCK_SUPERVISOR_H
#define PADDOCK_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "streams.h"
#include "wire.h"

// Where process 1 lays what processes that are there already are to run: shared by the three of them, at one address.
struct desk {
  struct start start; // its strings lie in `payload`
  bool terminal;
  volatile bool begun; // what waits goes on when it is told that its wait is over, and this says so
  uint8_t payload[MAX_START_PAYLOAD];
};

struct plan {
  struct start start; // its strings lie in `inbox`
  void *inbox; // unmapped by the supervisor as soon as the first process has it
  size_t inbox_bytes;
  int link;
  int far[STREAM_ENDS]; // -1: there is none
  bool terminal;
  struct desk *desk; // NULL: `start` and `terminal` are known. Else they come later
};

enum order_kind { ORDER_SIGNAL_LEADER = 1, ORDER_SIGNAL_TREE = 2, ORDER_KILL = 3, ORDER_BEGIN = 4, ORDER_GO_ON = 5 };
struct order {
  uint8_t kind, signal;
};

// FORKED comes from the first process itself, before it executes anything, and SEATED when it waits for what that will be;
// the others come from the supervisor.
enum report_kind { REPORT_FORKED = 1, REPORT_STARTED = 2, REPORT_FAILED = 3, REPORT_ENDED = 4, REPORT_SEATED = 5 };
struct report {
  uint32_t kind;
  uint32_t pid;
  uint32_t stage, error;
  uint32_t how, status, strays;
  uint64_t user_us, system_us, peak_bytes, duration_us;
};

// Runs in a child of process 1 until nothing of the command is left.
_Noreturn void supervise(const struct plan *plan);
// Becomes the command, or writes stage and errno (two u32) to `failure` and ends.
_Noreturn void first_process(const struct plan *plan, int failure);
// The same, as the desk says once `seat` is at its end; ends when its supervisor has.
_Noreturn void seated_process(const struct plan *plan, int seat, int failure);

#endif
