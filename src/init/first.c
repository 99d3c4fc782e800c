// From a fork of the supervisor to the command's own program.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "supervisor.h"

static _Noreturn void fail(int failure, enum failed_stage stage) {
  const uint32_t words[2] = {stage, (uint32_t)errno};
  (void)!write(failure, words, sizeof words);
  _exit(127);
}

// Both survive an exec: a command that starts with SIGPIPE ignored or SIGTERM blocked is not what was asked for.
static void reset_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= 64; signal++) sigaction(signal, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool set_limits(const struct start *start) {
  for (uint32_t i = 0; i < start->rlimits; i++) {
    const uint8_t *at = start->limits + (size_t)i * START_RLIMIT_BYTES;
    struct rlimit limit;
    limit.rlim_cur = wire_u64(at + 8);
    limit.rlim_max = wire_u64(at + 16);
    if (wire_u32(at) > INT_MAX) {
      errno = EINVAL;
      return false;
    }
#ifdef __GLIBC__
    if (setrlimit((__rlimit_resource_t)wire_u32(at), &limit) != 0) return false;
#else
    if (setrlimit((int)wire_u32(at), &limit) != 0) return false;
#endif
  }
  return true;
}

// execve takes what it does not write to as `char *`.
static char *unconst(const char *string) { return (char *)(uintptr_t)string; }

static const char *fill(char **list, uint32_t count, const char *strings) {
  for (uint32_t i = 0; i < count; i++) {
    list[i] = unconst(strings);
    strings += strlen(strings) + 1;
  }
  list[count] = NULL;
  return strings;
}

static bool is_set(char *const *environment, const char *entry) {
  const size_t length = strcspn(entry, "=") + 1;
  for (; *environment != NULL; environment++) {
    if (strncmp(*environment, entry, length) == 0) return true;
  }
  return false;
}

static size_t inherited(void) {
  size_t count = 0;
  while (environ[count] != NULL) count++;
  return count;
}

// What process 1 was started with, the image's variables and the session's, holds where the command sets nothing else.
static void inherit(char **environment, uint32_t given) {
  char **end = environment + given;
  for (char **entry = environ; *entry != NULL; entry++) {
    if (is_set(environment, *entry)) continue;
    *end++ = *entry;
    *end = NULL;
  }
}

static const char *path_in(char *const *environment) {
  for (; *environment != NULL; environment++) {
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  }
  return "";
}

// A relative entry would find what the command's files, and not its starter, put there.
static void execute(char *const *arguments, char *const *environment) {
  const char *name = arguments[0];
  if (strchr(name, '/') != NULL) {
    execve(name, arguments, environment);
    return;
  }
  const size_t name_bytes = strlen(name) + 1;
  int worst = ENOENT;
  const char *at = name[0] == '\0' ? "" : path_in(environment);
  while (*at != '\0') {
    const size_t length = strcspn(at, ":");
    char program[PATH_MAX];
    if (at[0] == '/' && length + 1 + name_bytes <= sizeof program) {
      memcpy(program, at, length);
      program[length] = '/';
      memcpy(program + length + 1, name, name_bytes);
      execve(program, arguments, environment);
      if (errno == EACCES) worst = EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) return;
    }
    at += length + (at[length] == ':' ? 1 : 0);
  }
  errno = worst;
}

_Noreturn void first_process(const struct plan *plan, int failure) {
  const struct start *start = &plan->start;
  reset_signals();
  setsid();
  for (int i = 0; i < 3; i++) {
    if (dup2(plan->far[plan->terminal ? TERMINAL : i], i) < 0) fail(failure, STAGE_PIPE);
  }
  if (plan->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) fail(failure, STAGE_TTY);
  umask(start->umask);
  const size_t pointers = (size_t)start->argc + start->envc + inherited() + 2;
  char **lists = mmap(NULL, pointers * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (lists == MAP_FAILED) fail(failure, STAGE_EXEC);
  char **environment = lists + start->argc + 1;
  fill(environment, start->envc, fill(lists, start->argc, start->strings));
  inherit(environment, start->envc);
  if (!set_limits(start)) fail(failure, STAGE_RLIMIT);
  if (chdir(start->cwd) != 0) fail(failure, STAGE_CWD);
  if (!confine_next(start->apparmor)) fail(failure, STAGE_APPARMOR);
  const struct report report = {.kind = REPORT_FORKED, .pid = (uint32_t)getpid()};
  (void)send(plan->link, &report, sizeof report, MSG_NOSIGNAL);
  execute(lists, environment);
  fail(failure, STAGE_EXEC);
}

_Noreturn void seated_process(const struct plan *plan, int seat, int failure) {
  struct plan mine = *plan;
  char none;
  const struct report report = {.kind = REPORT_SEATED, .pid = (uint32_t)getpid()};
  (void)send(plan->link, &report, sizeof report, MSG_NOSIGNAL);
  if (read(seat, &none, sizeof none) != 0 || !mine.desk->begun) _exit(127);
  mine.start = mine.desk->start;
  mine.terminal = mine.desk->terminal;
  first_process(&mine, failure);
}
