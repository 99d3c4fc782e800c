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

static bool open_output(struct command *command, const struct start *start, int which, struct plan *plan) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  plan->stdio[1 + which] = ends[1];
  fcntl(ends[0], F_SETPIPE_SZ, COMMAND_PIPE_BYTES);
  struct source *source = &command->output[which];
  const uint32_t ring_bytes = start->ring_bytes > 0 ? start->ring_bytes : STREAM_RING_BYTES;
  const bool opened = source_open(source, ends[0], ring_bytes);
  source->lossy = start->ring_bytes > 0;
  source->credit = start->credit[which];
  return opened && unblock(ends[0]);
}

static bool open_pipes(struct command *command, const struct start *start, struct plan *plan) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  plan->stdio[0] = ends[0];
  const bool opened = sink_open(&command->input, ends[1], SINK_PIPE, command->stdin_open ? INPUT_WINDOW : 0);
  if (!opened || !unblock(ends[1])) return false;
  if (command->stdin_open) fcntl(ends[1], F_SETPIPE_SZ, COMMAND_PIPE_BYTES);
  else sink_close(&command->input);
  return open_output(command, start, 0, plan) && open_output(command, start, 1, plan);
}

static bool open_terminal(struct command *command, const struct start *start, struct plan *plan) {
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0) return false;
  const uint32_t ring_bytes = start->ring_bytes > 0 ? start->ring_bytes : STREAM_RING_BYTES;
  struct source *output = &command->output[0];
  const bool opened = source_open(output, master, ring_bytes);
  output->lossy = start->ring_bytes > 0;
  output->credit = start->credit[0];
  if (!opened || !sink_open(&command->input, master, SINK_TERMINAL, INPUT_WINDOW)) return false;
  const int locked = 0;
  const struct winsize size = {.ws_row = start->rows, .ws_col = start->columns};
  if (ioctl(master, TIOCSPTLCK, &locked) != 0 || ioctl(master, TIOCSWINSZ, &size) != 0) return false;
  // Not by its name in /dev/pts, which may be another's in this mount namespace.
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return false;
  for (int i = 0; i < 3; i++) plan->stdio[i] = slave;
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

static bool open_streams(struct command *command, const struct start *start, struct plan *plan) {
  if (plan->terminal ? open_terminal(command, start, plan) : open_pipes(command, start, plan)) return true;
  return failed(command, plan->terminal ? STAGE_TTY : STAGE_PIPE);
}

static void close_far_ends(const struct plan *plan) {
  for (int i = 0; i < (plan->terminal ? 1 : 3); i++) {
    if (plan->stdio[i] >= 0) close(plan->stdio[i]);
  }
}

bool command_launch(struct command *command, const struct start *start) {
  struct plan plan = {.start = *start, .stdio = {-1, -1, -1}, .terminal = command->terminal};
  channel_inbox(&plan.inbox, &plan.inbox_bytes);
  const bool opened = open_streams(command, start, &plan);
  const bool forked = opened && fork_supervisor(command, &plan);
  if (opened && !forked) failed(command, STAGE_FORK);
  close_far_ends(&plan);
  return forked;
}

bool command_seat(struct command *command) {
  struct plan plan = {.stdio = {-1, -1, -1}};
  channel_inbox(&plan.inbox, &plan.inbox_bytes);
  void *desk = mmap(NULL, sizeof(struct desk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (desk == MAP_FAILED) return failed(command, STAGE_FORK);
  plan.desk = command->desk = desk;
  return fork_supervisor(command, &plan) || failed(command, STAGE_FORK);
}

bool command_launch_seated(struct command *command, const struct frame *frame, const struct start *start) {
  static const struct order begin = {.kind = ORDER_BEGIN};
  struct plan plan = {.stdio = {-1, -1, -1}, .terminal = command->terminal};
  const bool opened = open_streams(command, start, &plan);
  if (opened) {
    struct desk *desk = command->desk;
    memcpy(desk->payload, frame->payload, frame->length);
    wire_start(desk->payload, frame->length, &desk->start);
    desk->terminal = command->terminal;
    // Refused only by a supervisor that is gone, which will be noticed anyway.
    streams_send(command->link, &begin, sizeof begin, plan.stdio);
  }
  close_far_ends(&plan);
  return opened;
}
