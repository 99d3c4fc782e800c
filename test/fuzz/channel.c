// Fuzz target: everything of process 1 between the holder's bytes and the system calls, with commands that are only
// pipes and supervisors that are only numbers. An input is a list of steps: what the holder sends and reads, what
// commands write, how they end, and time that passes. Nothing here forks, and nothing is sent a signal.
#define _GNU_SOURCE 1
#define PADDOCK_VERSION "0.0.0-fuzz"
#include <poll.h>

// The clock is ours: whoever waits is given the time that it wanted to wait.
static int wait_no_time(struct pollfd *waits, nfds_t count, int timeout_ms);
#define poll wait_no_time
#include "../../src/init/channel.c"
#undef poll

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { WATCHES = 4096, FAKES = COMMAND_SLOTS, FIRST_PID = 1000 };

static struct watch {
  struct pollfd poll;
  void (*ready)(void *subject);
  void *subject;
} watches[WATCHES];
static size_t watched;
static int64_t clock_ms = 1000;
static int64_t deadline_ms;
static jmp_buf over;
static int holder_in = -1, holder_out = -1;

// The far ends of a command: its stdin, stdout and stderr, and its supervisor's link.
static struct fake {
  pid_t pid;
  int ends[4];
} fakes[FAKES];
static pid_t next_pid;

// By the sanitizer's allocator (-Dmmap=fuzz_mmap): a byte beyond a ring is nobody's, and a ring that is gone is seen.
void *fuzz_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  (void)at, (void)protection, (void)flags, (void)fd, (void)offset;
  void *base = calloc(1, size);
  return base == NULL ? MAP_FAILED : base;
}

int fuzz_munmap(void *base, size_t size) {
  (void)size;
  free(base);
  return 0;
}

int kill(pid_t pid, int signal_number) {
  (void)pid, (void)signal_number;
  return 0;
}
bool tree_is_readable(void) { return true; }
int64_t session_now_ms(void) { return clock_ms; }
int64_t session_deadline_ms(void) { return deadline_ms; }

void session_set_deadline(int64_t new_deadline_ms) {
  if (new_deadline_ms < 1 || new_deadline_ms > MAX_DEADLINE_MS) abort();
  deadline_ms = new_deadline_ms;
}

static int wait_no_time(struct pollfd *waits, nfds_t count, int timeout_ms) {
  clock_ms += timeout_ms;
  return poll(waits, count, 0);
}

void session_watch(int fd, short events, void (*ready)(void *subject), void *subject) {
  if (fd < 0 || watched == WATCHES) abort();
  watches[watched++] = (struct watch){{fd, events, 0}, ready, subject};
}

// What is dialled is nothing of this machine: by the port it is refused, answers later, or is one end of a pair whose other end stays open.
int __real_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
static int far_ends[MAX_DIALS];
static size_t far_count;

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size) {
  (void)size;
  const unsigned port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
  int pair[2];
  if (port % 4 == 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
    errno = ECONNREFUSED;
    return -1;
  }
  if (dup2(pair[0], fd) < 0) abort();
  close(pair[0]);
  (void)!send(pair[1], "hello", 5, MSG_NOSIGNAL);
  int *slot = &far_ends[far_count++ % MAX_DIALS];
  if (*slot > 0) close(*slot);
  *slot = pair[1];
  if (port % 4 != 1) return 0;
  errno = EINPROGRESS;
  return -1;
}

static void drop_far_ends(void) {
  for (size_t i = 0; i < MAX_DIALS; i++) {
    if (far_ends[i] > 0) close(far_ends[i]);
    far_ends[i] = 0;
  }
}

static void drain(int fd, size_t most) {
  static uint8_t bytes[65536];
  (void)!read(fd, bytes, most < sizeof bytes ? most : sizeof bytes);
}

_Noreturn void session_end(enum init_exit status, enum bye_why why, const char *text) {
  (void)status;
  channel_bye(why, text);
  longjmp(over, 1);
}

static struct fake *fake_of(pid_t pid) {
  for (size_t i = 0; i < FAKES; i++) {
    if (fakes[i].pid == pid) return &fakes[i];
  }
  return NULL;
}

static void drop(struct fake *fake) {
  for (int i = 0; i < 4; i++) {
    if (fake->ends[i] >= 0) close(fake->ends[i]);
  }
  fake->pid = 0;
}

static struct fake *fork_fake(struct command *command) {
  struct fake *fake = fake_of(0);
  int link[2];
  if (fake == NULL) return NULL;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, link) != 0) abort();
  command->link = link[0];
  command->supervisor = fake->pid = next_pid++;
  for (int i = 0; i < 3; i++) fake->ends[i] = -1;
  fake->ends[3] = link[1];
  return fake;
}

static bool give_pipes(struct fake *fake, struct command *command, const struct start *start) {
  int pipes[3][2];
  for (int i = 0; i < 3; i++) {
    if (pipe2(pipes[i], O_CLOEXEC | O_NONBLOCK) != 0) abort();
  }
  const uint32_t ring_bytes = start->ring_bytes > 0 ? start->ring_bytes : STREAM_RING_BYTES;
  sink_open(&command->input, pipes[0][1], SINK_PIPE, command->stdin_open ? INPUT_WINDOW : 0);
  for (int i = 0; i < 2; i++) {
    source_open(&command->output[i], pipes[1 + i][0], ring_bytes);
    command->output[i].lossy = start->ring_bytes > 0;
    command->output[i].credit = start->credit[i];
  }
  fake->ends[0] = pipes[0][0];
  fake->ends[1] = pipes[1][1];
  fake->ends[2] = pipes[2][1];
  return true;
}

bool command_launch(struct command *command, const struct start *start) {
  struct fake *fake = start->argc == 3 ? NULL : fork_fake(command); // some have to fail
  return fake != NULL && give_pipes(fake, command, start);
}

bool command_seat(struct command *command) { return fork_fake(command) != NULL; }

bool command_launch_seated(struct command *command, const struct frame *frame, const struct start *start) {
  struct fake *fake = fake_of(command->supervisor);
  if (fake == NULL || frame->length > MAX_START_PAYLOAD) abort();
  return start->argc != 3 && give_pipes(fake, command, start);
}

static void turn(void) {
  channel_parse();
  commands_tick(clock_ms);
  channel_tick(clock_ms);
  channel_pump();
  watched = 0;
  commands_watch();
  connections_watch();
  dials_watch();
  channel_watch();
  for (size_t i = 0; i < watched; i++) {
    struct watch *watch = &watches[i];
    if (poll(&watch->poll, 1, 0) > 0) watch->ready(watch->subject);
  }
}

static void open_pipes(void) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(out, O_CLOEXEC | O_NONBLOCK) != 0) abort();
  dup2(in[0], STDIN_FILENO);
  dup2(out[1], STDOUT_FILENO);
  close(in[0]);
  close(out[1]);
  holder_out = in[1];
  holder_in = out[0];
}

static void close_pipes(void) {
  close(holder_out);
  close(holder_in);
}

static void report(struct fake *fake, uint8_t kind) {
  struct report said = {.kind = (uint32_t)(kind % 6), .pid = 7, .stage = STAGE_EXEC, .error = ENOENT};
  (void)!send(fake->ends[3], &said, kind > 250 ? 3 : sizeof said, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void call(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr *generic = (void *)&address;
  if (fd < 0) return;
  if (__real_connect(fd, generic, sizeof address) == 0 || errno == EINPROGRESS) (void)!send(fd, "hello", 5, MSG_NOSIGNAL);
  turn();
  close(fd);
}

// One step; `amount` and `which` are its arguments.
static void step(uint8_t what, uint8_t which, size_t amount) {
  static const uint8_t filler[262144];
  struct fake *fake = &fakes[which % 8];
  const bool there = fake->pid != 0;
  switch (what % 8) {
    case 1:
      drain(holder_in, amount * 64);
      if (there) drain(fake->ends[0], amount * 64);
      break;
    case 2:
      if (there) (void)!write(fake->ends[1 + which / 8 % 2], filler, amount * 16);
      break;
    case 3:
      if (there) report(fake, (uint8_t)amount);
      break;
    case 4:
      if (!there) break;
      const pid_t pid = fake->pid;
      drop(fake);
      commands_reaped(pid);
      if (amount % 2 == 1) commands_lost_are_clean();
      break;
    case 5:
      clock_ms += (int64_t)amount * 8;
      break;
    case 6:
      close_pipes();
      open_pipes();
      break;
    default:
      call((uint16_t)(amount | 1024));
      break;
  }
}

static void clean_up(void) {
  struct draft draft;
  outbox_clear();
  for (size_t i = 0; i < FAKES; i++) {
    const pid_t pid = fakes[i].pid;
    if (pid == 0) continue;
    drop(&fakes[i]);
    commands_reaped(pid);
  }
  commands_lost_are_clean();
  commands_taken_over();
  while (commands_draft_state(&draft)) {
    const struct frame forget = {.type = TO_INIT_FORGET, .id = wire_u32(draft.bytes + 8)};
    if (!command_forget(&forget)) abort();
  }
  if (commands_known() != 0) abort();
  connections_reset();
  dials_reset();
  drop_far_ends();
  memset(&channel, 0, sizeof channel);
  fuzz_munmap(inbox.base, inbox.size);
  memset(&inbox, 0, sizeof inbox);
  close_pipes();
}

static void run(const uint8_t *data, size_t size) {
  const struct options options = {.channel = CHANNEL_STDIO, .detached = size % 2 == 1};
  channel_open(&options);
  // One page: a frame that is larger has to wait half written.
  fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 4096);
  while (size >= 4) {
    const uint8_t what = data[0], which = data[1];
    size_t amount = wire_u16(data + 2);
    data += 4;
    size -= 4;
    if (what % 8 == 0) {
      if (amount > size) amount = size;
      (void)!write(holder_out, data, amount);
      data += amount;
      size -= amount;
    } else {
      step(what, which, amount);
    }
    turn();
    turn();
  }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  signal(SIGPIPE, SIG_IGN);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  next_pid = FIRST_PID;
  open_pipes();
  if (setjmp(over) == 0) run(data, size);
  clean_up();
  return 0;
}
