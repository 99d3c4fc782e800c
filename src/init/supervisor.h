// What process 1 and a command's supervisor say to each other, over a socket pair that keeps messages whole.
#ifndef PADDOCK_SUPERVISOR_H
#define PADDOCK_SUPERVISOR_H

#include <stdint.h>
#include <stddef.h>

#include "wire.h"

struct plan {
  struct start start; // its strings lie in `inbox`
  void *inbox; // unmapped by the supervisor as soon as the first process has it
  size_t inbox_bytes;
  int link;
  int stdio[3];
  bool terminal; // stdio is the terminal, three times
};

enum order_kind { ORDER_SIGNAL_LEADER = 1, ORDER_SIGNAL_TREE = 2, ORDER_KILL = 3 };
struct order {
  uint8_t kind, signal;
};

// FORKED comes from the first process itself, before it executes anything; the others from the supervisor.
enum report_kind { REPORT_FORKED = 1, REPORT_STARTED = 2, REPORT_FAILED = 3, REPORT_ENDED = 4 };
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

#endif
