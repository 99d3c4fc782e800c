#define _GNU_SOURCE 1
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "connection.h"
#include "dial.h"
#include "outbox.h"
#include "session.h"
#include "tree.h"
#include "wire.h"

enum { INBOX_BYTES = 2 * MAX_DATA, PIPE_BYTES = 1048576, HELLO_WITHIN_MS = 30000, LOOK_AGAIN_MS = 250, BYE_WITHIN_MS = 250 };

enum holder { HOLDER_EXPECTED, HOLDER_THERE, HOLDER_GONE };

static struct {
  int in, out;
  bool detached;
  enum holder holder;
  int64_t due; // HELLO's last moment, or when to look for the next holder
  bool taken_over, hello_owed, pong_owed, deadline_owed, answer_waits;
  bool unread; // the holder has closed `out`; its words in `in` still count
  uint8_t nonce[NONCE_BYTES];
  uint8_t ping[MAX_PING];
  size_t ping_bytes;
  uint32_t turn;
} channel;

// Mapped and not static, so that a START of two megabytes can have a larger one for as long as it needs it.
static struct {
  uint8_t *base;
  size_t size, begin, end;
} inbox;

static uint8_t *map(size_t size) {
  void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return base == MAP_FAILED ? NULL : base;
}

// What is there moves to the beginning of a buffer that has room for `size` bytes.
static void make_room(size_t size) {
  const size_t have = inbox.end - inbox.begin;
  const size_t wanted = size > INBOX_BYTES ? size : INBOX_BYTES;
  uint8_t *base = inbox.base;
  if (wanted != inbox.size) {
    base = map(wanted);
    if (base == NULL) session_end(EXIT_KERNEL, BYE_KERNEL, "memory for a frame");
  }
  if (have > 0) memmove(base, inbox.base + inbox.begin, have);
  if (base != inbox.base && inbox.base != NULL) munmap(inbox.base, inbox.size);
  inbox.base = base;
  inbox.size = wanted;
  inbox.begin = 0;
  inbox.end = have;
}

void channel_inbox(void **base, size_t *bytes) {
  *base = inbox.base;
  *bytes = inbox.size;
}

static int open_fifo(const char *path, int flags) {
  const int fd = open(path, flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  struct stat status;
  return fd >= 0 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) ? fd : -1;
}

static bool unblock(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0; }

bool channel_open(const struct options *options) {
  const bool fifo = options->channel == CHANNEL_FIFO;
  channel.in = fifo ? open_fifo("/.paddock/io/in", O_RDONLY) : STDIN_FILENO;
  channel.out = fifo ? open_fifo("/.paddock/io/out", O_WRONLY) : STDOUT_FILENO;
  if (channel.in < 0 || channel.out < 0 || !unblock(channel.in) || !unblock(channel.out)) return false;
  // Best effort: a socket has none, and a user's pipes are rationed.
  fcntl(channel.in, F_SETPIPE_SZ, PIPE_BYTES);
  fcntl(channel.out, F_SETPIPE_SZ, PIPE_BYTES);
  channel.detached = options->detached;
  channel.due = options->detached ? 0 : session_now_ms() + HELLO_WITHIN_MS;
  make_room(INBOX_BYTES);
  return true;
}

static void forget_holder(void) {
  channel.unread = false;
  outbox_clear();
  inbox.begin = inbox.end = 0;
  channel.hello_owed = channel.pong_owed = channel.deadline_owed = channel.answer_waits = false;
  if (channel.holder == HOLDER_THERE) {
    channel.taken_over = true;
    commands_holder_gone();
    connections_reset();
    dials_reset();
  }
}

// The pipe's end shows as readable for ever, so it is looked at now and then instead.
static void holder_gone(void) {
  if (!channel.detached) session_end(EXIT_CHANNEL_CLOSED, BYE_STOPPED, "the channel was closed");
  forget_holder();
  channel.holder = HOLDER_GONE;
  channel.due = session_now_ms() + LOOK_AGAIN_MS;
}

// A detached session's holder has closed one pipe. Its last words are still in the other, whose end comes after them: taken
// for the next holder's they would be a violation.
static void nobody_reads(void) {
  if (!channel.detached) holder_gone();
  outbox_clear();
  channel.unread = true;
  channel.answer_waits = false;
}

static _Noreturn void violation(const char *what) { session_end(EXIT_VIOLATION, BYE_VIOLATION, what); }

static bool on_hello(const struct frame *frame) {
  // The end of the last holder may have gone unseen, when the next came quickly.
  if (channel.holder == HOLDER_THERE) {
    if (!channel.detached) return false;
    const size_t begin = inbox.begin, end = inbox.end;
    forget_holder();
    inbox.begin = begin;
    inbox.end = end;
  }
  if (wire_common_version(frame) == 0) violation("no common version");
  memcpy(channel.nonce, frame->payload + HELLO_NONCE_AT, NONCE_BYTES);
  channel.holder = HOLDER_THERE;
  channel.hello_owed = true;
  channel.due = 0;
  if (channel.taken_over) commands_taken_over();
  return true;
}

static bool on_ping(const struct frame *frame) {
  memcpy(channel.ping, frame->payload, frame->length);
  channel.ping_bytes = frame->length;
  channel.pong_owed = true;
  return true;
}

static bool on_deadline(const struct frame *frame) {
  session_set_deadline((int64_t)wire_u64(frame->payload));
  channel.deadline_owed = true;
  return true;
}

static bool on_hold(const struct frame *frame) {
  (void)frame;
  commands_hold();
  return true;
}

static bool on_shutdown(const struct frame *frame) {
  (void)frame;
  channel_pump();
  session_end(EXIT_STOPPED, BYE_STOPPED, "asked to stop");
}

static bool on_credit(const struct frame *frame) {
  return frame->stream == STREAM_CONNECTION ? connection_credit(frame) : command_credit(frame);
}

static bool (*const handlers[])(const struct frame *frame) = {
    [TO_INIT_HELLO] = on_hello,
    [TO_INIT_START] = command_start,
    [TO_INIT_INPUT] = command_input,
    [TO_INIT_INPUT_END] = command_input_end,
    [TO_INIT_CREDIT] = on_credit,
    [TO_INIT_SIGNAL] = command_signal,
    [TO_INIT_END] = command_end,
    [TO_INIT_RESIZE] = command_resize,
    [TO_INIT_FORGET] = command_forget,
    [TO_INIT_PING] = on_ping,
    [TO_INIT_LISTEN] = listener_open,
    [TO_INIT_UNLISTEN] = listener_close,
    [TO_INIT_CONNECTION_DATA] = connection_data,
    [TO_INIT_CONNECTION_END] = connection_end,
    [TO_INIT_CONNECTION_RESET] = connection_reset,
    [TO_INIT_SHUTDOWN] = on_shutdown,
    [TO_INIT_DEADLINE] = on_deadline,
    [TO_INIT_PREPARE] = command_prepare,
    [TO_INIT_HOLD] = on_hold,
    [TO_INIT_DIAL] = dial_open,
};

// Whether a frame asks for an answer that is still owed to the last one of its type.
static bool has_to_wait(const struct frame *frame) {
  if (channel.unread) return false;
  return (frame->type == TO_INIT_PING && channel.pong_owed) || (frame->type == TO_INIT_DEADLINE && channel.deadline_owed);
}

void channel_parse(void) {
  size_t need = HEADER_BYTES;
  while (inbox.begin < inbox.end) {
    struct frame frame;
    const enum wire_result result = wire_next(inbox.base + inbox.begin, inbox.end - inbox.begin, &frame, &need);
    if (result == WIRE_MORE) break;
    if (result == WIRE_VIOLATION) violation("a frame is not as it has to be");
    // One answer at a time: the next has to wait in the pipe, not in memory.
    channel.answer_waits = has_to_wait(&frame);
    if (channel.answer_waits) return;
    if (channel.holder != HOLDER_THERE && frame.type != TO_INIT_HELLO) violation("the first frame is no HELLO");
    inbox.begin += need;
    if (!handlers[frame.type](&frame)) violation("a frame that does not fit what was before");
  }
  if (inbox.begin == inbox.end) inbox.begin = inbox.end = 0;
  if (inbox.size - inbox.begin < need || (inbox.size > INBOX_BYTES && need <= INBOX_BYTES)) make_room(need);
}

static void on_readable(void *subject) {
  (void)subject;
  if (channel.answer_waits || inbox.end == inbox.size) return;
  const ssize_t got = read(channel.in, inbox.base + inbox.end, inbox.size - inbox.end);
  if (got > 0) inbox.end += (size_t)got;
  else if (got == 0 || (errno != EAGAIN && errno != EINTR)) holder_gone();
}

static void on_writable(void *subject) { (void)subject; }

void channel_watch(void) {
  if (channel.holder == HOLDER_GONE) return;
  if (!channel.answer_waits) session_watch(channel.in, POLLIN, on_readable, NULL);
  if (outbox_is_busy()) session_watch(channel.out, POLLOUT, on_writable, NULL);
}

static bool draft_session(struct draft *draft) {
  if (channel.hello_owed) {
    channel.hello_owed = false;
    draft_begin(draft, FROM_INIT_HELLO, STREAM_NONE, 0);
    draft_bytes(draft, CHANNEL_MAGIC, 8);
    draft_u16(draft, CHANNEL_VERSION);
    const unsigned flags = (channel.taken_over ? HELLO_TAKEN_OVER : 0U) | (tree_is_readable() ? HELLO_PROC_READABLE : 0U);
    draft_u16(draft, (uint16_t)flags);
    draft_bytes(draft, channel.nonce, NONCE_BYTES);
    draft_u32(draft, channel.taken_over ? commands_known() : 0);
    draft_bytes(draft, PADDOCK_VERSION, strlen(PADDOCK_VERSION));
  } else if (channel.pong_owed) {
    channel.pong_owed = false;
    draft_begin(draft, FROM_INIT_PONG, STREAM_NONE, 0);
    draft_bytes(draft, channel.ping, channel.ping_bytes);
  } else if (channel.deadline_owed) {
    channel.deadline_owed = false;
    draft_begin(draft, FROM_INIT_DEADLINE, STREAM_NONE, 0);
    draft_u64(draft, (uint64_t)session_deadline_ms());
  } else {
    return false;
  }
  draft_seal(draft);
  return true;
}

// Commands, listeners and connections take turns, one frame each.
static bool draft_next(void) {
  struct draft *draft = outbox_draft();
  if (draft_session(draft) || commands_draft_state(draft) || dials_draft(draft)) return true;
  const uint32_t of_commands = commands_high(), all = of_commands + connections_high();
  for (uint32_t i = 0; i < all; i++) {
    const uint32_t turn = (channel.turn + i) % all;
    const bool drafted = turn < of_commands ? command_draft(turn, draft) : connection_draft(turn - of_commands, draft);
    if (!drafted) continue;
    channel.turn = turn + 1;
    return true;
  }
  return false;
}

bool channel_pump(void) {
  enum { FRAMES_AT_ONCE = 64 };
  if (channel.holder != HOLDER_THERE || channel.unread) return false;
  // The last one stays in the outbox, so that being writable wakes us to go on.
  for (int i = 0; outbox_is_busy() || draft_next(); i++) {
    if (i == FRAMES_AT_ONCE) break;
    const enum outbox_result result = outbox_write(channel.out);
    if (result == OUTBOX_GONE) nobody_reads();
    if (result != OUTBOX_SENT) break;
  }
  return channel.answer_waits && !channel.pong_owed && !channel.deadline_owed;
}

int64_t channel_tick(int64_t now) {
  if (channel.due == 0) return INT64_MAX;
  if (now < channel.due) return channel.due;
  if (channel.holder == HOLDER_EXPECTED) session_end(EXIT_CHANNEL_CLOSED, BYE_STOPPED, "no holder came");
  // With a writer an empty pipe would block; without one it is at its end.
  uint8_t *at = inbox.base + inbox.end;
  const ssize_t got = read(channel.in, at, inbox.size - inbox.end);
  channel.due = now + LOOK_AGAIN_MS;
  if (got > 0 || (got < 0 && errno == EAGAIN)) {
    channel.holder = HOLDER_EXPECTED;
    channel.due = 0;
    if (got > 0) inbox.end += (size_t)got;
    return now;
  }
  return channel.due;
}

// What is half written is finished first, else the holder would take BYE for its rest.
void channel_bye(enum bye_why why, const char *text) {
  const int64_t until = session_now_ms() + BYE_WITHIN_MS;
  for (int frames = 0; frames < 2; frames++) {
    for (;;) {
      const enum outbox_result result = outbox_write(channel.out);
      const int64_t left = until - session_now_ms();
      if (result == OUTBOX_GONE || (result == OUTBOX_BLOCKED && left <= 0)) return;
      if (result == OUTBOX_SENT) break;
      struct pollfd wait = {.fd = channel.out, .events = POLLOUT};
      (void)poll(&wait, 1, (int)left);
    }
    struct draft *draft = outbox_draft();
    if (frames == 1) return;
    draft_begin(draft, FROM_INIT_BYE, STREAM_NONE, 0);
    draft_u32(draft, why);
    draft_bytes(draft, text, strlen(text));
    draft_seal(draft);
  }
}
