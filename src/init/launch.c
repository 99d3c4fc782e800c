#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "command.h"
#include "oom.h"

// A megabyte for each command would use up what the kernel lets one user have in pipes (64 MiB), after which every
// new pipe of the user's gets one page.
enum { COMMAND_PIPE_BYTES = 262144 };

static bool unblock(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0; }

// Hands the near end over to what reads it; whether that works or not.
static int take_end(struct command *command, int which) {
  const int fd = command->near[which];
  command->near[which] = -1;
  return fd;
}

static bool use_output(struct command *command, const struct start *start, int which, int fd) {
  struct source *source = &command->output[which];
  const bool opened = source_open(source, fd, start->ring_bytes > 0 ? start->ring_bytes : STREAM_RING_BYTES);
  source->lossy = start->ring_bytes > 0;
  source->credit = start->credit[which];
  return opened;
}

static bool use_output_pipe(struct command *command, const struct start *start, int which) {
  const int fd = take_end(command, 1 + which);
  fcntl(fd, F_SETPIPE_SZ, COMMAND_PIPE_BYTES);
  return use_output(command, start, which, fd) && unblock(fd);
}

static bool use_pipes(struct command *command, const struct start *start) {
  const int fd = take_end(command, STDIN_FILENO);
  const bool opened = sink_open(&command->input, fd, SINK_PIPE, command->stdin_open ? INPUT_WINDOW : 0);
  if (!opened || !unblock(fd)) return false;
  if (command->stdin_open) fcntl(fd, F_SETPIPE_SZ, COMMAND_PIPE_BYTES);
  else sink_close(&command->input);
  return use_output_pipe(command, start, 0) && use_output_pipe(command, start, 1);
}

static bool use_terminal(struct command *command, const struct start *start) {
  const int fd = take_end(command, TERMINAL);
  const struct winsize size = {.ws_row = start->rows, .ws_col = start->columns};
  if (!use_output(command, start, 0, fd)) return false;
  if (!sink_open(&command->input, fd, SINK_TERMINAL, INPUT_WINDOW) || ioctl(fd, TIOCSWINSZ, &size) != 0) return false;
  if (!command->stdin_open) {
    command->input.window = 0;
    sink_end(&command->input);
  }
  return true;
}

static bool fork_supervisor(struct command *command, struct plan *plan) {
  int link[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) != 0) return false;
  command->link = link[0];
  plan->link = link[1];
  oom_drop_shield();
  command->supervisor = fork();
  if (command->supervisor != 0) oom_raise_shield();
  if (command->supervisor == 0) supervise(plan);
  close(link[1]);
  if (command->supervisor > 0) return true;
  command->supervisor = 0;
  close(link[0]);
  command->link = -1;
  return false;
}

static bool failed(struct command *command, enum failed_stage stage) {
  command->report = (struct report){.kind = REPORT_FAILED, .stage = stage, .error = (uint32_t)errno};
  return false;
}

static bool use_streams(struct command *command, const struct start *start) {
  const bool used = command->terminal ? use_terminal(command, start) : use_pipes(command, start);
  const int why = errno;
  streams_close(command->near);
  errno = why;
  return used || failed(command, command->terminal ? STAGE_TTY : STAGE_PIPE);
}

static bool make_streams(struct command *command, int *far) {
  const bool made = command->terminal ? streams_terminal(command->near, far) : streams_pipes(command->near, far);
  return made || failed(command, command->terminal ? STAGE_TTY : STAGE_PIPE);
}

bool command_launch(struct command *command, const struct start *start) {
  struct plan plan = {.start = *start, .far = NO_STREAMS, .terminal = command->terminal};
  channel_inbox(&plan.inbox, &plan.inbox_bytes);
  const bool opened = make_streams(command, plan.far) && use_streams(command, start);
  const bool forked = opened && (fork_supervisor(command, &plan) || failed(command, STAGE_FORK));
  streams_close(plan.far);
  return forked;
}

// The streams of both kinds are made before it is known which will be wanted, and inherited. They could be sent later (SCM_RIGHTS),
// but what one user has on its way so is counted over all sandboxes: one of them could keep the others' commands from starting.
bool command_seat(struct command *command) {
  struct plan plan = {.far = NO_STREAMS};
  channel_inbox(&plan.inbox, &plan.inbox_bytes);
  void *desk = mmap(NULL, sizeof(struct desk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (desk == MAP_FAILED) return failed(command, STAGE_FORK);
  plan.desk = command->desk = desk;
  const bool opened = make_streams(command, plan.far);
  // Few want one: it is for those to fail.
  if (opened && !streams_terminal(command->near, plan.far)) command->no_terminal = errno;
  const bool forked = opened && (fork_supervisor(command, &plan) || failed(command, STAGE_FORK));
  streams_close(plan.far);
  return forked;
}

bool command_launch_seated(struct command *command, const struct frame *frame, const struct start *start) {
  static const struct order begin = {.kind = ORDER_BEGIN};
  struct desk *desk = command->desk;
  errno = command->no_terminal;
  if (command->terminal && errno != 0) return failed(command, STAGE_TTY);
  if (!use_streams(command, start)) return false;
  memcpy(desk->payload, frame->payload, frame->length);
  wire_start(desk->payload, frame->length, &desk->start);
  desk->terminal = command->terminal;
  // Those that wait end when their supervisor finds the link closed. One that is gone already will be noticed.
  const bool sent = send(command->link, &begin, sizeof begin, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof begin;
  return sent || errno == EPIPE || errno == ECONNRESET || failed(command, STAGE_FORK);
}
