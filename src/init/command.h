// The table of commands: what process 1 knows of each, what it still owes the holder, and when to end it.
#ifndef PADDOCK_COMMAND_H
#define PADDOCK_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "flow.h"
#include "supervisor.h"
#include "wire.h"

// Beyond MAX_COMMANDS a START is refused, and the refusal needs a slot until it is forgotten.
enum { MAX_REFUSED = 16, COMMAND_SLOTS = MAX_COMMANDS + MAX_REFUSED };

enum phase {
  COMMAND_FREE,
  COMMAND_PREPARED, // its processes are there and wait for a START
  COMMAND_STARTING,
  COMMAND_RUNNING,
  COMMAND_LOST, // its supervisor died, and what it left behind may still be there
  COMMAND_FAILED,
  COMMAND_ENDED,
};

enum owed { OWED_STATE = 1, OWED_STARTED = 2, OWED_FAILED = 4, OWED_STDOUT_END = 8, OWED_STDERR_END = 16, OWED_EXITED = 32, OWED_PREPARED = 64 };

// What is done at `due`, each a step further than the one before.
enum step { STEP_TIMEOUT, STEP_KILL, STEP_AGAIN, STEP_FORCE, STEP_DOOMED };

struct command {
  enum phase phase;
  uint32_t id;
  unsigned owed;
  bool terminal;
  bool stdin_open;
  bool prepared; // a START has its processes already, or comes too late for them
  bool discarded; // whoever had it prepared is gone: nobody is told of it any more
  struct desk *desk;
  int near[STREAM_ENDS]; // of what is only prepared; -1: there is none, or it is in use
  int no_terminal; // why not; 0: there is one
  unsigned turn;
  pid_t supervisor; // 0: none, or reaped
  int link;
  struct source output[2];
  struct sink input;
  enum step step;
  int64_t due;
  int64_t started_ms;
  uint32_t pid, seat_pid, grace_ms, cause;
  struct report report;
};

// Frames of the holder; false: a violation.
bool command_prepare(const struct frame *frame);
bool command_start(const struct frame *frame);
bool command_input(const struct frame *frame);
bool command_input_end(const struct frame *frame);
bool command_credit(const struct frame *frame);
bool command_signal(const struct frame *frame);
bool command_end(const struct frame *frame);
bool command_resize(const struct frame *frame);
bool command_forget(const struct frame *frame);

// How many slots, counted from 0, are to be asked for frames.
uint32_t commands_high(void);
bool command_draft(uint32_t slot, struct draft *draft);
bool commands_draft_state(struct draft *draft);
uint32_t commands_known(void);
void commands_holder_gone(void);
void commands_taken_over(void);

// Stops everything in the sandbox but what is ours.
void commands_hold(void);

void commands_watch(void);
// Does what is due; returns when the next is.
int64_t commands_tick(int64_t now);
size_t commands_supervisors(pid_t *pids);
void commands_reaped(pid_t pid);
bool commands_any_lost(void);
// Nothing is left of what lost commands had running.
void commands_lost_are_clean(void);

// Makes pipes or a terminal and the supervisor; on failure its report says why and nothing is left.
bool command_launch(struct command *command, const struct start *start);
// The same in two steps: processes that wait, and what they are to run.
bool command_seat(struct command *command);
bool command_launch_seated(struct command *command, const struct frame *frame, const struct start *start);

#endif
