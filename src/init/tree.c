#define _GNU_SOURCE 1
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"

// The kernel's PID_MAX_LIMIT. More processes than fit into one search are left for the next.
enum { GREATEST_PID = 4194304, MOST_FOUND = 65536 };

struct search {
  pid_t found[MOST_FOUND];
  uint8_t seen[GREATEST_PID / 8 + 1];
  size_t count;
  int signal;
};

// A process that is just gone can't be opened, and that is fine. Anything else that keeps us from looking (no descriptor,
// no memory: both are limits that a command may lower) must not pass for "nothing there".
static bool complete;

static int open_unless_gone(const char *path, int flags) {
  const int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno != ENOENT && errno != ESRCH) complete = false;
  return fd;
}

bool tree_was_seen_whole(void) { return complete; }

static struct search *search_begin(int signal) {
  void *memory = mmap(NULL, sizeof(struct search), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                      -1, 0);
  complete = memory != MAP_FAILED;
  if (!complete) return NULL;
  struct search *search = memory;
  search->signal = signal;
  return search;
}

static bool mark(struct search *search, pid_t pid) {
  if (pid < 1 || pid > GREATEST_PID) return false;
  uint8_t *byte = &search->seen[pid / 8];
  const uint8_t bit = (uint8_t)(1U << (pid % 8));
  if ((*byte & bit) != 0) return false;
  *byte = (uint8_t)(*byte | bit);
  return true;
}

static void meet(struct search *search, pid_t pid) {
  if (search->count == MOST_FOUND || !mark(search, pid)) return;
  kill(pid, search->signal);
  search->found[search->count++] = pid;
}

// "1 23 456 ", of any length.
static void read_children(struct search *search, const char *path) {
  const int fd = open_unless_gone(path, 0);
  if (fd < 0) return;
  char text[4096];
  pid_t pid = 0;
  for (ssize_t got = read(fd, text, sizeof text); got > 0; got = read(fd, text, sizeof text)) {
    for (ssize_t i = 0; i < got; i++) {
      if (text[i] >= '0' && text[i] <= '9') {
        pid = pid > GREATEST_PID ? pid : pid * 10 + (text[i] - '0');
      } else {
        meet(search, pid);
        pid = 0;
      }
    }
  }
  close(fd);
}

// "/proc/PID/task/THREAD/children"; only "/proc/PID/task" with THREAD 0.
static struct text proc_path(pid_t pid, pid_t thread) {
  struct text path = {.length = 0};
  text_add(&path, "/proc/");
  text_add_number(&path, pid);
  text_add(&path, "/task");
  if (thread == 0) return path;
  text_add(&path, "/");
  text_add_number(&path, thread);
  text_add(&path, "/children");
  return path;
}

// The kernel's struct linux_dirent64: the length of an entry and its name.
enum { ENTRY_LENGTH_AT = 16, ENTRY_NAME_AT = 19 };

// A child belongs to the thread that forked it.
static void search_beneath(struct search *search, pid_t pid) {
  const int fd = open_unless_gone(proc_path(pid, 0).chars, O_DIRECTORY);
  if (fd < 0) return;
  char entries[4096];
  for (long got = syscall(SYS_getdents64, fd, entries, sizeof entries); got > 0;
       got = syscall(SYS_getdents64, fd, entries, sizeof entries)) {
    uint16_t length = 0;
    for (long at = 0; at < got; at += length) {
      memcpy(&length, entries + at + ENTRY_LENGTH_AT, sizeof length);
      const pid_t thread = atoi(entries + at + ENTRY_NAME_AT);
      if (thread > 0) read_children(search, proc_path(pid, thread).chars);
    }
  }
  close(fd);
}

static void search_all(struct search *search) {
  search_beneath(search, getpid());
  for (size_t i = 0; i < search->count; i++) search_beneath(search, search->found[i]);
}

static size_t search_end(struct search *search) {
  const size_t count = search->count;
  munmap(search, sizeof *search);
  return count;
}

bool tree_is_readable(void) {
  char self[16] = {0};
  if (readlink("/proc/self", self, sizeof self - 1) < 0 || atoi(self) != getpid()) return false;
  return access(proc_path(getpid(), getpid()).chars, R_OK) == 0;
}

size_t tree_signal(int signal) {
  struct search *search = search_begin(signal);
  if (search == NULL) return 0;
  search_all(search);
  return search_end(search);
}

// Nobody is reaped between the first stop and the last kill, neither by us nor by a parent, which is stopped: so no
// pid that was found can have become somebody else's.
size_t tree_kill(const pid_t *spared, size_t count) {
  struct search *search = search_begin(SIGSTOP);
  if (search == NULL) return 0;
  for (size_t i = 0; i < count; i++) mark(search, spared[i]);
  size_t before;
  do {
    before = search->count;
    search_all(search);
  } while (search->count > before);
  for (size_t i = 0; i < search->count; i++) kill(search->found[i], SIGKILL);
  return search_end(search);
}
