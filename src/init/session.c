#define _GNU_SOURCE 1
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "command.h"
#include "confine.h"
#include "connection.h"
#include "dial.h"
#include "filter.h"
#include "oom.h"
#include "reaper.h"

enum { MOST_WATCHED = 4 + COMMAND_SLOTS * 4 + MAX_LISTENERS + MAX_DIALS + MAX_CONNECTIONS * 2 };

static struct pollfd waits[MOST_WATCHED];
static struct {
  void (*ready)(void *subject);
  void *subject;
} watchers[MOST_WATCHED];
static nfds_t watched;

static int signals, timer;
static int64_t armed; // 0: not, or it has gone off
static int64_t deadline;
static bool has_channel;
static bool all_reaped;

int64_t session_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t session_deadline_ms(void) { return deadline; }

void session_set_deadline(int64_t deadline_ms) { deadline = deadline_ms; }

_Noreturn void session_end(enum init_exit status, enum bye_why why, const char *text) {
  if (has_channel) channel_bye(why, text);
  _exit(status);
}

void session_watch(int fd, short events, void (*ready)(void *subject), void *subject) {
  if (watched == MOST_WATCHED) return;
  waits[watched] = (struct pollfd){.fd = fd, .events = events};
  watchers[watched].ready = ready;
  watchers[watched++].subject = subject;
}

static _Noreturn void kernel_refused(const char *call) {
  static const char before[] = "paddock-init: the kernel refused ";
  (void)!write(STDERR_FILENO, before, sizeof before - 1);
  (void)!write(STDERR_FILENO, call, strlen(call));
  (void)!write(STDERR_FILENO, "\n", 1);
  session_end(EXIT_KERNEL, BYE_KERNEL, call);
}

// Blocked signals are queued even for process 1, for which the kernel drops every signal left at its default action.
static int open_signals(void) {
  static const int wanted[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
  sigset_t mask;
  sigemptyset(&mask);
  // An inherited "ignore" would discard the signal before it is queued, and for SIGCHLD reap behind our back.
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) sigaddset(&mask, wanted[i]);
  if (sigprocmask(SIG_BLOCK, &mask, NULL) != 0) return -1;
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    if (sigaction(wanted[i], &action, NULL) != 0) return -1;
  }
  action.sa_handler = SIG_IGN;
  if (sigaction(SIGPIPE, &action, NULL) != 0) return -1;
  return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Absolute, so a slow start or a stop (SIGSTOP, a frozen cgroup) adds to nobody's life. CLOCK_BOOTTIME and not
// MONOTONIC, which stands still while the machine sleeps, nor REALTIME, which people set.
static void arm(int64_t when_ms) {
  if (when_ms < 1) when_ms = 1;
  if (when_ms == armed) return;
  armed = when_ms;
  struct itimerspec when;
  memset(&when, 0, sizeof when);
  when.it_value.tv_sec = (time_t)(when_ms / 1000);
  when.it_value.tv_nsec = (long)(when_ms % 1000) * 1000000L;
  if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) != 0) kernel_refused("a timer on CLOCK_BOOTTIME");
}

static void on_signals(void *subject) {
  (void)subject;
  // Everybody inside may send them without a pause: some at a time, so that timers and channel have their turn.
  enum { SIGNALS_AT_ONCE = 8 };
  struct signalfd_siginfo info;
  for (int i = 0; i < SIGNALS_AT_ONCE && read(signals, &info, sizeof info) == (ssize_t)sizeof info; i++) {
    if (info.ssi_signo == (uint32_t)SIGCHLD) continue;
    // From within the sandbox everybody may signal us; from outside the sender has no number in here. With any other code
    // (sigqueue's, or a pipe's that is said to be ours) the number is whatever somebody in here likes. What nobody in here can
    // be kept from is to take away our room for queued signals (prlimit), and that loses code and number.
    if (getpid() == 1 && (info.ssi_pid != 0 || info.ssi_code != SI_USER)) continue;
    session_end(EXIT_STOPPED, BYE_STOPPED, "asked to stop by a signal");
  }
  all_reaped = reaper_reap();
}

static void on_timer(void *subject) {
  (void)subject;
  uint64_t times = 0;
  (void)!read(timer, &times, sizeof times);
  armed = 0;
}

static int64_t earlier(int64_t one, int64_t other) { return one < other ? one : other; }

static void wait_for_events(int64_t until) {
  arm(until);
  watched = 0;
  session_watch(signals, POLLIN, on_signals, NULL);
  session_watch(timer, POLLIN, on_timer, NULL);
  if (has_channel) {
    commands_watch();
    connections_watch();
    dials_watch();
    channel_watch();
  }
  if (ppoll(waits, watched, NULL, NULL) < 0) {
    if (errno != EINTR) kernel_refused("ppoll");
    return;
  }
  for (nfds_t i = 0; i < watched; i++) {
    if (waits[i].revents != 0) watchers[i].ready(watchers[i].subject);
  }
}

static void prepare(const struct options *options) {
  filter_take_name();
  oom_shield();
  // Commands run as the same user: without this one could open /proc/1/mem or trace us, and write the deadline away.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) kernel_refused("to be protected from tracing");
  if (options->channel != CHANNEL_NONE) {
    // 0, 1 and 2 have to be taken: what is opened under these numbers would end up in commands.
    int fd = 0;
    while ((fd = eventfd(0, EFD_CLOEXEC)) >= 0 && fd < 3) continue;
    if (fd >= 0) close(fd);
    if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) kernel_refused("to become a subreaper");
    if (!channel_open(options)) kernel_refused("the channel's pipes");
    has_channel = true;
  }
  signals = open_signals();
  if (signals < 0) kernel_refused("signalfd");
  timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (timer < 0) kernel_refused("a timer on CLOCK_BOOTTIME");
}

int session_run(const struct options *options) {
  deadline = options->deadline_ms;
  if (options->apparmor != NULL) confine_self(options->apparmor);
  prepare(options);
  for (;;) {
    // Before the first sleep as well: a child that died before the mask was set left no signal.
    if (!all_reaped) all_reaped = reaper_reap();
    if (has_channel) channel_parse();
    const int64_t now = session_now_ms();
    if (now >= deadline) session_end(EXIT_DEADLINE, BYE_DEADLINE, "the deadline has come");
    int64_t next = all_reaped ? deadline : now;
    if (has_channel) {
      next = earlier(next, earlier(commands_tick(now), reaper_tick(now)));
      next = earlier(next, channel_tick(now));
      if (channel_pump()) next = now;
    }
    wait_for_events(next);
  }
}
