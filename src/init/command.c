#define _GNU_SOURCE 1
#include "command.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "session.h"

static struct command commands[COMMAND_SLOTS];
static uint32_t high;
static bool frozen;

enum { ASK_AGAIN_MS = 1000, UNKILLABLE_MS = 5000 };

static bool is_known(const struct command *command) { return command->phase != COMMAND_FREE && !command->discarded; }

static struct command *find(uint32_t id) {
  for (uint32_t i = 0; i < high; i++) {
    if (is_known(&commands[i]) && commands[i].id == id) return &commands[i];
  }
  return NULL;
}

// What is only prepared has no streams in use, and nothing to signal.
static struct command *find_begun(uint32_t id) {
  struct command *command = find(id);
  return command == NULL || command->phase == COMMAND_PREPARED ? NULL : command;
}

static bool is_over(const struct command *command) {
  return command->phase == COMMAND_FAILED || command->phase == COMMAND_ENDED;
}

uint32_t commands_high(void) { return high; }

uint32_t commands_known(void) {
  uint32_t known = 0;
  for (uint32_t i = 0; i < high; i++) known += is_known(&commands[i]);
  return known;
}

static struct command *take_slot(uint32_t id) {
  uint32_t slot = 0;
  while (slot < high && commands[slot].phase != COMMAND_FREE) slot++;
  if (slot == COMMAND_SLOTS) return NULL;
  if (slot == high) high++;
  struct command *command = &commands[slot];
  memset(command, 0, sizeof *command);
  command->id = id;
  command->link = -1;
  command->input.fd = -1;
  command->output[0].fd = -1;
  command->output[1].fd = -1;
  for (int i = 0; i < STREAM_ENDS; i++) command->near[i] = -1;
  return command;
}

static void close_all(struct command *command) {
  if (command->link >= 0) close(command->link);
  command->link = -1;
  streams_close(command->near);
  if (command->desk != NULL) munmap(command->desk, sizeof *command->desk);
  command->desk = NULL;
  sink_free(&command->input);
  source_free(&command->output[0]);
  source_free(&command->output[1]);
}

static void become_failed(struct command *command) {
  close_all(command);
  command->phase = COMMAND_FAILED;
  command->owed = OWED_FAILED;
}

static void free_slot(struct command *command) {
  close_all(command);
  command->phase = COMMAND_FREE;
  while (high > 0 && commands[high - 1].phase == COMMAND_FREE) high--;
}

bool command_prepare(const struct frame *frame) {
  if (find(frame->id) != NULL) return false;
  const bool full = commands_known() >= MAX_COMMANDS;
  struct command *command = take_slot(frame->id);
  if (command == NULL) return false;
  command->prepared = true;
  command->report = (struct report){.kind = REPORT_FAILED, .stage = STAGE_TABLE, .error = EAGAIN};
  if (full || !command_seat(command)) {
    become_failed(command);
    return true;
  }
  command->phase = COMMAND_PREPARED;
  command->report.kind = 0;
  return true;
}

static bool launch(struct command *command, const struct frame *frame, const struct start *start) {
  command->terminal = (start->flags & START_TTY) != 0;
  command->stdin_open = (start->flags & START_STDIN) != 0;
  command->grace_ms = start->grace_ms;
  if (!command->prepared) return command_launch(command, start);
  // Another command may have stopped them while they waited.
  if (command->supervisor > 0) kill(command->supervisor, SIGCONT);
  if (command->seat_pid > 1) kill((pid_t)command->seat_pid, SIGCONT);
  return command_launch_seated(command, frame, start);
}

bool command_start(const struct frame *frame) {
  struct start start;
  struct command *command = find(frame->id);
  if ((command != NULL && !command->prepared) || !wire_start(frame->payload, frame->length, &start)) return false;
  // Its processes were killed before this came.
  if (command != NULL && command->phase == COMMAND_FAILED) return true;
  if (command != NULL && command->phase != COMMAND_PREPARED) return false;
  const bool full = command == NULL && commands_known() >= MAX_COMMANDS;
  if (command == NULL) command = take_slot(frame->id);
  if (command == NULL) return false;
  command->report = (struct report){.kind = REPORT_FAILED, .stage = STAGE_TABLE, .error = EAGAIN};
  if (full || !launch(command, frame, &start)) {
    become_failed(command);
    return true;
  }
  command->phase = COMMAND_STARTING;
  command->started_ms = session_now_ms();
  command->report.kind = 0;
  command->owed = OWED_STDOUT_END | OWED_EXITED | (command->terminal ? 0U : OWED_STDERR_END);
  command->due = start.timeout_ms > 0 ? command->started_ms + start.timeout_ms : 0;
  return true;
}

bool command_input(const struct frame *frame) {
  struct command *command = find_begun(frame->id);
  return command != NULL && (is_over(command) || sink_put(&command->input, frame->payload, frame->length));
}

bool command_input_end(const struct frame *frame) {
  struct command *command = find_begun(frame->id);
  if (command != NULL && !is_over(command)) sink_end(&command->input);
  return command != NULL;
}

bool command_credit(const struct frame *frame) {
  struct command *command = find_begun(frame->id);
  if (command == NULL) return false;
  uint32_t *credit = &command->output[frame->stream - STREAM_STDOUT].credit;
  const uint32_t more = wire_u32(frame->payload);
  if (more > MAX_CREDIT - *credit) return false;
  *credit += more;
  return true;
}

static void order(const struct command *command, enum order_kind kind, int signal) {
  const struct order order = {.kind = (uint8_t)kind, .signal = (uint8_t)signal};
  // Full only when the supervisor is stopped; the steps below deal with that.
  if (command->link >= 0) (void)send(command->link, &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool command_signal(const struct frame *frame) {
  const struct command *command = find_begun(frame->id);
  if (command == NULL) return false;
  const int signal = frame->payload[0];
  pid_t group = 0;
  if (command->supervisor == 0) return true;
  if (frame->payload[1] == SCOPE_LEADER) order(command, ORDER_SIGNAL_LEADER, signal);
  if (frame->payload[1] == SCOPE_TREE) order(command, ORDER_SIGNAL_TREE, signal);
  if (frame->payload[1] != SCOPE_FOREGROUND || !command->terminal) return true;
  if (ioctl(command->output[0].fd, TIOCGPGRP, &group) == 0 && group > 1) kill(-group, signal);
  return true;
}

static void kill_tree(struct command *command, int64_t now) {
  order(command, ORDER_KILL, 0);
  command->step = STEP_AGAIN;
  command->due = now + ASK_AGAIN_MS;
}

static void end(struct command *command, uint32_t cause, uint32_t grace_ms, int64_t now) {
  if (command->step > STEP_KILL) return;
  if (command->cause == CAUSE_ITSELF) command->cause = cause;
  if (grace_ms == 0) {
    kill_tree(command, now);
    return;
  }
  order(command, ORDER_SIGNAL_TREE, SIGTERM);
  // What is stopped would not hear it.
  order(command, ORDER_SIGNAL_TREE, SIGCONT);
  const int64_t due = now + grace_ms;
  if (command->step != STEP_KILL || due < command->due) command->due = due;
  command->step = STEP_KILL;
}

bool command_end(const struct frame *frame) {
  struct command *command = find(frame->id);
  if (command == NULL) return false;
  const uint32_t grace_ms = command->phase == COMMAND_PREPARED ? 0 : wire_u32(frame->payload);
  if (command->supervisor != 0) end(command, CAUSE_ENDED, grace_ms, session_now_ms());
  return true;
}

bool command_resize(const struct frame *frame) {
  const struct command *command = find_begun(frame->id);
  if (command == NULL) return false;
  const struct winsize size = {.ws_row = wire_u16(frame->payload), .ws_col = wire_u16(frame->payload + 2)};
  if (command->terminal && command->output[0].fd >= 0) ioctl(command->output[0].fd, TIOCSWINSZ, &size);
  return true;
}

bool command_forget(const struct frame *frame) {
  struct command *command = find(frame->id);
  if (command == NULL || !is_over(command)) return false;
  free_slot(command);
  return true;
}

static void draft_exited(const struct command *command, struct draft *draft) {
  const struct report *report = &command->report;
  draft_begin(draft, FROM_INIT_EXITED, STREAM_NONE, command->id);
  draft_u32(draft, report->how);
  draft_u32(draft, report->status);
  draft_u32(draft, command->cause);
  draft_u32(draft, report->strays);
  draft_u64(draft, report->user_us);
  draft_u64(draft, report->system_us);
  draft_u64(draft, report->peak_bytes);
  draft_u64(draft, report->duration_us);
  draft_seal(draft);
}

static bool draft_prepared(struct command *command, struct draft *draft) {
  if (command->phase != COMMAND_PREPARED || (command->owed & OWED_PREPARED) == 0) return false;
  draft_begin(draft, FROM_INIT_PREPARED, STREAM_NONE, command->id);
  draft_u32(draft, command->seat_pid);
  draft_seal(draft);
  command->owed &= ~(unsigned)OWED_PREPARED;
  return true;
}

static bool draft_begun(struct command *command, struct draft *draft) {
  if ((command->owed & (OWED_STARTED | OWED_FAILED)) == 0) return false;
  const bool failed = (command->owed & OWED_FAILED) != 0;
  draft_begin(draft, failed ? FROM_INIT_FAILED : FROM_INIT_STARTED, STREAM_NONE, command->id);
  draft_u32(draft, failed ? command->report.stage : command->pid);
  if (failed) draft_u32(draft, command->report.error);
  draft_seal(draft);
  command->owed &= ~(unsigned)(OWED_STARTED | OWED_FAILED);
  return true;
}

static bool draft_output(struct command *command, struct draft *draft, unsigned which) {
  struct source *source = &command->output[which];
  const unsigned owed = which == 0 ? OWED_STDOUT_END : OWED_STDERR_END;
  if (source_draft(source, draft, STREAM_STDOUT + which, command->id)) return true;
  if ((command->owed & owed) == 0 || !source_is_done(source)) return false;
  draft_begin(draft, FROM_INIT_OUTPUT_END, STREAM_STDOUT + which, command->id);
  draft_u64(draft, source->ring.head);
  draft_seal(draft);
  command->owed &= ~owed;
  return true;
}

bool command_draft(uint32_t slot, struct draft *draft) {
  struct command *command = &commands[slot];
  if (!is_known(command) || command->phase == COMMAND_STARTING) return false;
  if (command->phase == COMMAND_PREPARED) return draft_prepared(command, draft);
  if (draft_begun(command, draft)) return true;
  if (command->phase == COMMAND_FAILED) return false;
  if (sink_draft(&command->input, draft, command->id)) return true;
  command->turn ^= 1;
  if (draft_output(command, draft, command->turn) || draft_output(command, draft, command->turn ^ 1)) return true;
  if (command->phase != COMMAND_ENDED || command->owed != OWED_EXITED) return false;
  draft_exited(command, draft);
  command->owed = 0;
  return true;
}

bool commands_draft_state(struct draft *draft) {
  for (uint32_t i = 0; i < high; i++) {
    struct command *command = &commands[i];
    if (!is_known(command) || (command->owed & OWED_STATE) == 0) continue;
    command->owed &= ~(unsigned)OWED_STATE;
    draft_begin(draft, FROM_INIT_STATE, STREAM_NONE, command->id);
    draft_u32(draft, is_over(command) ? PHASE_FINISHED : PHASE_RUNNING);
    draft_u32(draft, command->pid);
    draft_u64(draft, (uint64_t)command->started_ms);
    draft_u64(draft, command->output[0].ring.tail);
    draft_u64(draft, command->output[1].ring.tail);
    draft_seal(draft);
    return true;
  }
  return false;
}

// What is only prepared is known to nobody but the holder that asked for it.
static void discard(struct command *command) {
  command->discarded = true;
  end(command, CAUSE_ENDED, 0, session_now_ms());
}

void commands_holder_gone(void) {
  for (uint32_t i = 0; i < high; i++) {
    if (commands[i].phase == COMMAND_PREPARED) discard(&commands[i]);
    if (commands[i].output[0].ring.base != NULL) source_rewind(&commands[i].output[0]);
    if (commands[i].output[1].ring.base != NULL) source_rewind(&commands[i].output[1]);
  }
}

void commands_taken_over(void) {
  for (uint32_t i = 0; i < high; i++) {
    struct command *command = &commands[i];
    if (!is_known(command)) continue;
    command->owed = OWED_STATE | OWED_FAILED;
    if (command->phase == COMMAND_FAILED) continue;
    command->owed = OWED_STATE | OWED_STDOUT_END | OWED_EXITED | (command->terminal ? 0U : OWED_STDERR_END);
    // What of the window the old holder had used, the new one can't know: it is told what is free.
    command->input.owed += command->input.window;
    command->input.window = 0;
  }
}

static void read_reports(struct command *command) {
  struct report report;
  while (command->link >= 0) {
    const ssize_t got = recv(command->link, &report, sizeof report, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // It ended with an order unread; what it had reported comes after this.
    if (got < 0 && errno == ECONNRESET) continue;
    if (got != (ssize_t)sizeof report) {
      close(command->link);
      command->link = -1;
    } else if (report.kind == REPORT_SEATED) {
      command->seat_pid = report.pid;
      if (command->phase == COMMAND_PREPARED) command->owed |= OWED_PREPARED;
    } else if (command->phase == COMMAND_PREPARED) {
      // They were killed while they waited: that they are gone is all there is to say.
      continue;
    } else if (report.kind == REPORT_FORKED) {
      command->pid = report.pid;
    } else if (report.kind == REPORT_STARTED) {
      // A first process that was killed before its exec said nothing, and closes the pipe just the same.
      if (command->pid == 0) command->pid = report.pid;
      command->phase = COMMAND_RUNNING;
      command->owed |= OWED_STARTED;
    } else {
      command->report = report;
    }
  }
}

static void on_report(void *subject) { read_reports(subject); }
static void on_output(void *subject) { source_read(subject); }
static void on_input(void *subject) { sink_flush(subject); }

void commands_watch(void) {
  for (uint32_t i = 0; i < high; i++) {
    struct command *command = &commands[i];
    if (command->phase == COMMAND_FREE) continue;
    if (command->link >= 0) session_watch(command->link, POLLIN, on_report, command);
    if (sink_wants(&command->input)) session_watch(command->input.fd, POLLOUT, on_input, &command->input);
    for (int which = 0; which < 2; which++) {
      struct source *source = &command->output[which];
      if (source_wants(source)) session_watch(source->fd, POLLIN, on_output, source);
    }
  }
}

static bool is_lost(const struct command *command) {
  if (command->phase == COMMAND_LOST) return true;
  return command->phase == COMMAND_STARTING && command->supervisor == 0;
}

// Thousands that fork and never sleep leave a supervisor hardly a turn in which to find them. All at once they can be
// stopped by process 1 of a pid namespace only: innocent ones with them, which go on when this is over.
static void freeze_all(void) {
  if (getpid() != 1) return;
  frozen = true;
  kill(-1, SIGSTOP);
}

static void thaw_all(void) {
  if (!frozen) return;
  for (uint32_t i = 0; i < high; i++) {
    if (is_lost(&commands[i]) || (commands[i].supervisor != 0 && commands[i].step >= STEP_FORCE)) return;
  }
  frozen = false;
  kill(-1, SIGCONT);
}

// Who is listed from outside may have forked and be gone before it is stopped, again and again. This meets every generation: the
// kernel lets no fork pass by it, except that of one to whom another SIGSTOP is under way. A first process that runs nothing yet is
// known to its supervisor only.
void commands_hold(void) {
  if (getpid() == 1) kill(-1, SIGSTOP);
  for (uint32_t i = 0; i < high; i++) {
    if (commands[i].supervisor == 0) continue;
    kill(commands[i].supervisor, SIGCONT);
    order(&commands[i], ORDER_GO_ON, 0);
  }
}

static void take_step(struct command *command, int64_t now) {
  switch (command->step) {
    case STEP_TIMEOUT:
      end(command, CAUSE_TIMEOUT, command->grace_ms, now);
      return;
    case STEP_KILL:
      kill_tree(command, now);
      return;
    case STEP_AGAIN:
      freeze_all();
      kill(command->supervisor, SIGCONT);
      order(command, ORDER_KILL, 0);
      command->step = STEP_FORCE;
      command->due = now + ASK_AGAIN_MS;
      return;
    case STEP_FORCE:
      // Its children become ours, and are killed as strangers.
      kill(command->supervisor, SIGKILL);
      command->step = STEP_DOOMED;
      command->due = now + UNKILLABLE_MS;
      return;
    case STEP_DOOMED:
      session_end(EXIT_UNKILLABLE, BYE_UNKILLABLE, "a supervisor can't be killed");
  }
}

int64_t commands_tick(int64_t now) {
  int64_t next = INT64_MAX;
  for (uint32_t i = 0; i < high; i++) {
    struct command *command = &commands[i];
    if (command->supervisor == 0 || command->due == 0) continue;
    if (command->due <= now) take_step(command, now);
    if (command->due < next) next = command->due;
  }
  return next;
}

size_t commands_supervisors(pid_t *pids) {
  size_t count = 0;
  for (uint32_t i = 0; i < high; i++) {
    if (commands[i].supervisor != 0) pids[count++] = commands[i].supervisor;
  }
  return count;
}

static void finish(struct command *command) {
  sink_close(&command->input);
  if (command->phase == COMMAND_STARTING) {
    become_failed(command);
    return;
  }
  command->phase = COMMAND_ENDED;
  for (int which = 0; which < 2; which++) {
    struct source *source = &command->output[which];
    // Only what is in the pipe now is the command's: it may have handed its end to another command.
    int left = 0;
    if (source->fd < 0) continue;
    if (command->terminal) left = MAX_RING_BYTES;
    else if (ioctl(source->fd, FIONREAD, &left) != 0) left = 0;
    source_end(source, (uint64_t)left);
  }
}

void commands_reaped(pid_t pid) {
  for (uint32_t i = 0; i < high; i++) {
    struct command *command = &commands[i];
    if (command->supervisor != pid) continue;
    command->supervisor = 0;
    // A slot may have been freed before its supervisor was gone; what that said is nobody's any more.
    if (command->phase == COMMAND_FREE || is_over(command)) continue;
    read_reports(command);
    if (command->phase == COMMAND_PREPARED) {
      command->report = (struct report){.stage = STAGE_FORK, .error = ECHILD};
      if (command->discarded) free_slot(command);
      else become_failed(command);
    } else if (command->report.kind != 0) {
      finish(command);
    } else if (command->phase == COMMAND_STARTING && command->pid == 0) {
      command->report = (struct report){.stage = STAGE_FORK, .error = ECHILD, .how = HOW_LOST};
    } else {
      // It may have been executed, and been quicker in killing its supervisor than that in saying so.
      if (command->phase == COMMAND_STARTING) command->owed |= OWED_STARTED;
      command->report = (struct report){.how = HOW_LOST};
      command->report.duration_us = (uint64_t)(session_now_ms() - command->started_ms) * 1000;
      command->cause = CAUSE_SUPERVISOR_LOST;
      command->phase = COMMAND_LOST;
    }
  }
}

bool commands_any_lost(void) {
  for (uint32_t i = 0; i < high; i++) {
    if (is_lost(&commands[i])) return true;
  }
  return false;
}

void commands_lost_are_clean(void) {
  for (uint32_t i = 0; i < high; i++) {
    if (is_lost(&commands[i])) finish(&commands[i]);
  }
  thaw_all();
}
