// Process 1 of every sandbox. It does three things: it reaps what is reparented to it, it sleeps, and it ends at an
// absolute moment. When process 1 ends, the kernel kills everything else in its PID namespace, so the moment it was
// given is the sandbox's deadline even when the server, the client and the engine are gone by then.
//
//   paddock-init --deadline-boottime-ms N     N: milliseconds of the host's CLOCK_BOOTTIME
//   paddock-init --access PATH…               asked by exec: one line for each path, `rw`, `r-`, `-w` or `--`
//   paddock-init --version
//
// Exit: 0 asked to stop (SIGTERM, SIGINT, SIGHUP) · 124 deadline · 2 bad arguments · 71 the kernel refused something.
//
// It is started in a root that may be empty: no /proc, no libc, no /dev, any uid, no capabilities, under either
// engine's seccomp profile. So it opens nothing and needs only prctl, signalfd, timerfd, ppoll and wait4;
// access for the question whether this process may use a path, which on SELinux hosts nobody outside can answer.
#define _GNU_SOURCE 1

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PADDOCK_VERSION
#error "PADDOCK_VERSION is given by scripts/build-init.js"
#endif

enum { EXIT_STOPPED = 0, EXIT_BAD_USAGE = 2, EXIT_KERNEL = 71, EXIT_DEADLINE = 124 };

// The largest integer that the JavaScript side can name exactly, 2^53 - 1.
static const int64_t MAX_DEADLINE_MS = 9007199254740991;

// Best effort: the exit code carries the meaning, and there is nobody to tell that stderr is gone.
static void say(int fd, const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    const ssize_t written = write(fd, text, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    left -= (size_t)written;
  }
}

static int refuse(const char *why) {
  say(STDERR_FILENO, "paddock-init: ");
  say(STDERR_FILENO, why);
  say(STDERR_FILENO, "\nusage: paddock-init --deadline-boottime-ms N | --access PATH... | --version\n");
  return EXIT_BAD_USAGE;
}

static int kernel_refused(const char *call) {
  say(STDERR_FILENO, "paddock-init: the kernel refused ");
  say(STDERR_FILENO, call);
  say(STDERR_FILENO, "\n");
  return EXIT_KERNEL;
}

// Digits only, no leading zero, 1 .. 2^53 - 1. strtoll would take blanks, a sign, octal and overflow.
static bool parse_deadline(const char *text, int64_t *deadline_ms) {
  if (text[0] < '1' || text[0] > '9') return false;
  int64_t value = 0;
  for (const char *at = text; *at != '\0'; at++) {
    if (*at < '0' || *at > '9') return false;
    value = value * 10 + (*at - '0');
    if (value > MAX_DEADLINE_MS) return false;
  }
  *deadline_ms = value;
  return true;
}

// CLOCK_BOOTTIME and not MONOTONIC, which stands still while the machine sleeps, nor REALTIME, which people set.
// Absolute, so a slow start or a stop (SIGSTOP, a frozen cgroup) does not add to the sandbox's life.
static int open_timer(int64_t deadline_ms) {
  const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd < 0) return -1;
  struct itimerspec when;
  memset(&when, 0, sizeof when);
  when.it_value.tv_sec = (time_t)(deadline_ms / 1000);
  when.it_value.tv_nsec = (long)(deadline_ms % 1000) * 1000000L;
  return timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) == 0 ? fd : -1;
}

// Blocked signals are queued even for process 1, for which the kernel drops every signal left at its default action.
static int open_signals(void) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGHUP);
  // An inherited "ignore" would discard the signal before it is queued, and for SIGCHLD reap behind our back.
  struct sigaction normal;
  memset(&normal, 0, sizeof normal);
  normal.sa_handler = SIG_DFL;
  static const int all[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
  if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0) return -1;
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (sigaction(all[i], &normal, NULL) != 0) return -1;
  }
  return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

// SIGCHLD is one bit, not a count: one signal may stand for any number of dead children.
static void reap_all(void) {
  for (;;) {
    const pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid > 0 || (pid < 0 && errno == EINTR)) continue;
    return;
  }
}

// True when one of the queued signals asks us to stop.
static bool drain_signals(int fd) {
  bool stop = false;
  struct signalfd_siginfo info;
  while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo != (uint32_t)SIGCHLD) stop = true;
  }
  return stop;
}

static bool expired(int fd) {
  uint64_t times = 0;
  return read(fd, &times, sizeof times) == (ssize_t)sizeof times;
}

static int stand_by(int64_t deadline_ms) {
  // Commands run as the same user: without this one could open /proc/1/mem or trace us, and write the deadline away.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return kernel_refused("to be protected from tracing");
  const int signals = open_signals();
  if (signals < 0) return kernel_refused("signalfd");
  const int timer = open_timer(deadline_ms);
  if (timer < 0) return kernel_refused("a timer on CLOCK_BOOTTIME");
  struct pollfd waits[2] = {{.fd = signals, .events = POLLIN}, {.fd = timer, .events = POLLIN}};
  for (;;) {
    // Before the first sleep as well: a child that died before the mask was set left no signal.
    reap_all();
    if (ppoll(waits, 2, NULL, NULL) < 0 && errno != EINTR) return kernel_refused("ppoll");
    if (drain_signals(signals)) return EXIT_STOPPED;
    if (expired(timer)) return EXIT_DEADLINE;
  }
}

static int say_access(int count, char **paths) {
  for (int i = 0; i < count; i++) {
    say(STDOUT_FILENO, access(paths[i], R_OK) == 0 ? "r" : "-");
    say(STDOUT_FILENO, access(paths[i], W_OK) == 0 ? "w\n" : "-\n");
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    say(STDOUT_FILENO, "paddock-init " PADDOCK_VERSION "\n");
    return 0;
  }
  if (argc >= 3 && strcmp(argv[1], "--access") == 0) return say_access(argc - 2, argv + 2);
  if (argc != 3 || strcmp(argv[1], "--deadline-boottime-ms") != 0) return refuse("one option with its value is needed");
  int64_t deadline_ms = 0;
  if (!parse_deadline(argv[2], &deadline_ms)) return refuse("the deadline is no whole number from 1 to 9007199254740991");
  return stand_by(deadline_ms);
}
