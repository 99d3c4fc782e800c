// Started by Paddock on the host, without any privilege. A sandbox's processes have the caller's own uid, and a read-only
// mount of the cgroup tree does not keep them out of a cgroup that this uid may write: clone3 with CLONE_INTO_CGROUP asks
// for the permissions of the files only. So the folders belong to a subordinate id of the caller's, which no process
// inside can be. To act as that id this process joins the engine's user namespace and stays in it; it has nothing else of the sandbox.
#define _GNU_SOURCE 1
#include "cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine.h"
#include "text.h"

// The kernel's, whose header a static libc need not have.
enum { CGROUP2_MAGIC = 0x63677270 };
// The caller, and the first of its subordinate ids, as the engine's namespace has them.
enum { CALLER = 0, KEEPER = 1 };
enum { MOST_ROUNDS = 100, FIELDS = 5 };
enum { ENDED_WITHIN_LINE = 1 };

static const char *const controlled[] = {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"};

struct request {
  const char *verb, *folder;
  struct text name;
  pid_t init, pid;
};

static bool act_as(int id) {
  setfsgid((gid_t)id);
  setfsuid((uid_t)id);
  if (setfsuid((uid_t)-1) == id && setfsgid((gid_t)-1) == id) return true;
  errno = EINVAL;
  return false;
}

// .../libpod-ID.scope/container of the caller's, or without `.scope` where the engine keeps no systemd units.
static bool is_sandbox_path(const char *path) {
  static const char root[] = "/sys/fs/cgroup/", name[] = "/container", engine[] = "/libpod-";
  const size_t length = strlen(path);
  if (strncmp(path, root, sizeof root - 1) != 0 || strstr(path, "/../") != NULL || strstr(path, "/./") != NULL) return false;
  if (length < sizeof name || strcmp(path + length - (sizeof name - 1), name) != 0) return false;
  const char *end = path + length - (sizeof name - 1);
  const char *start = end;
  while (start > path && start[-1] != '/') start--;
  if ((size_t)(end - start) > 6 && strncmp(end - 6, ".scope", 6) == 0) end -= 6;
  start--;
  if (strncmp(start, engine, sizeof engine - 1) != 0) return false;
  start += sizeof engine - 1;
  return end - start == 64 && strspn(start, "0123456789abcdef") >= 64;
}

// There are no links in a cgroup tree, so the path is what it says once the file system is that.
static int open_sandbox(const char *path) {
  struct statfs system;
  struct stat own, above;
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  const bool fits = fstatfs(fd, &system) == 0 && system.f_type == CGROUP2_MAGIC && fstat(fd, &own) == 0 &&
                    fstatat(fd, "..", &above, 0) == 0 && above.st_uid == CALLER &&
                    (own.st_uid == CALLER || own.st_uid == KEEPER);
  if (fits) return fd;
  close(fd);
  errno = EPERM;
  return -1;
}

static bool put(int folder, const char *file, const char *text) {
  const int fd = openat(folder, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  const int why = errno;
  close(fd);
  errno = why;
  return written;
}

static bool get(int folder, const char *file, char *text, size_t size) {
  const int fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t got = read(fd, text, size - 1);
  close(fd);
  text[got > 0 ? got : 0] = '\0';
  return got >= 0;
}

static bool move(int folder, pid_t pid) {
  struct text text = {.length = 0};
  // A 0 would be this process.
  if (pid < 2) {
    errno = EINVAL;
    return false;
  }
  text_add_number(&text, pid);
  return put(folder, "cgroup.procs", text.chars);
}

static bool own(int folder) {
  bool owned = act_as(CALLER) && fchown(folder, KEEPER, KEEPER) == 0;
  for (size_t i = 0; i < sizeof controlled / sizeof controlled[0]; i++)
    owned = owned && fchownat(folder, controlled[i], KEEPER, KEEPER, AT_SYMLINK_NOFOLLOW) == 0;
  return act_as(KEEPER) && owned;
}

// What has processes of its own can give no controllers to what is beneath it.
static bool empty_into(int folder, int leaf) {
  char pids[4096];
  for (int round = 0; round < MOST_ROUNDS; round++) {
    if (!get(folder, "cgroup.procs", pids, sizeof pids)) return false;
    if (pids[0] == '\0') return true;
    char *rest = NULL;
    for (char *word = strtok_r(pids, "\n", &rest); word != NULL; word = strtok_r(NULL, "\n", &rest)) {
      if (!move(leaf, atoi(word)) && errno != ESRCH) return false;
    }
  }
  errno = EBUSY;
  return false;
}

static bool give_controllers(int folder) {
  char have[256];
  if (!get(folder, "cgroup.controllers", have, sizeof have)) return false;
  if (strstr(have, "memory") == NULL || strstr(have, "pids") == NULL) {
    errno = ENOTSUP;
    return false;
  }
  const bool has_cpu = strncmp(have, "cpu ", 4) == 0 || strstr(have, " cpu ") != NULL;
  return put(folder, "cgroup.subtree_control", has_cpu ? "+cpu +memory +pids" : "+memory +pids");
}

static bool split(int folder, const struct request *request) {
  (void)request;
  if (!own(folder)) return false;
  if (mkdirat(folder, "init", 0755) != 0 && errno != EEXIST) return false;
  const int leaf = openat(folder, "init", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (leaf < 0) return false;
  const bool emptied = empty_into(folder, leaf);
  const int why = errno;
  close(leaf);
  errno = why;
  return emptied && give_controllers(folder);
}

static bool make(int folder, const char *name) {
  if (mkdirat(folder, name, 0755) == 0) return true;
  // Of a command whose holder is gone; the number comes again.
  return errno == EEXIST && unlinkat(folder, name, AT_REMOVEDIR) == 0 && mkdirat(folder, name, 0755) == 0;
}

// The limit above holds anyway: this is where a runtime looks for it.
static bool take_limit(int folder, int leaf) {
  char limit[64];
  return get(folder, "memory.max", limit, sizeof limit) && put(leaf, "memory.max", limit);
}

static bool enter(int folder, const struct request *request) {
  if (!make(folder, request->name.chars)) return false;
  const int leaf = openat(folder, request->name.chars, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const bool entered =
      leaf >= 0 && take_limit(folder, leaf) && put(leaf, "memory.oom.group", "1") && move(leaf, request->pid);
  const int why = errno;
  if (leaf >= 0) close(leaf);
  if (!entered) unlinkat(folder, request->name.chars, AT_REMOVEDIR);
  errno = why;
  return entered;
}

static bool limit(int folder, const struct request *request) {
  const int leaf = openat(folder, request->name.chars, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (leaf < 0) return errno == ENOENT;
  const bool taken = take_limit(folder, leaf);
  const int why = errno;
  close(leaf);
  errno = why;
  return taken;
}

static bool end(int folder, const struct request *request) {
  struct text file = request->name;
  text_add(&file, "/cgroup.kill");
  return put(folder, file.chars, "1") || errno == ENOENT;
}

static bool leave(int folder, const struct request *request) {
  return unlinkat(folder, request->name.chars, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

static const struct verb {
  const char *name;
  bool (*act)(int folder, const struct request *request);
} verbs[] = {{"split", split}, {"enter", enter}, {"limit", limit}, {"kill", end}, {"leave", leave}};

static bool parse(char *line, struct request *request) {
  char *words[FIELDS], *rest = NULL;
  size_t count = 0;
  for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    if (count == FIELDS) return false;
    words[count++] = word;
  }
  if (count != FIELDS) return false;
  const long init = text_to_number(words[1], INT_MAX), name = text_to_number(words[2], INT_MAX),
             pid = text_to_number(words[3], INT_MAX);
  if (init < 2 || name < 0 || pid < 0) return false;
  *request = (struct request){.verb = words[0], .folder = words[4], .init = (pid_t)init, .pid = (pid_t)pid};
  text_add(&request->name, "cmd-");
  text_add_number(&request->name, name);
  return true;
}

static bool obey(char *line) {
  struct request request;
  errno = EINVAL;
  if (!parse(line, &request)) return false;
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
    if (strcmp(verbs[i].name, request.verb) != 0) continue;
    if (!is_sandbox_path(request.folder) || !engine_reach(request.init)) return false;
    const int folder = open_sandbox(request.folder);
    if (folder < 0) return false;
    errno = 0;
    const bool done = act_as(KEEPER) && verbs[i].act(folder, &request);
    const int why = errno;
    close(folder);
    errno = why;
    return done;
  }
  return false;
}

static bool answer(bool done) {
  struct text text = {.length = 0};
  if (!done) text_add_number(&text, errno == 0 ? EIO : errno);
  text_add(&text, "\n");
  return write(STDOUT_FILENO, text.chars, text.length) >= 0;
}

int cgroups_serve(void) {
  static char line[PATH_MAX + 128];
  size_t length = 0;
  bool overlong = false;
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, line + length, sizeof line - length);
    if (got <= 0) return got == 0 && length == 0 && !overlong ? 0 : ENDED_WITHIN_LINE;
    length += (size_t)got;
    for (char *stop; (stop = memchr(line, '\n', length)) != NULL;) {
      *stop = '\0';
      const bool done = !overlong && obey(line);
      if (overlong) errno = ENAMETOOLONG;
      overlong = false;
      if (!answer(done)) return ENDED_WITHIN_LINE;
      length -= (size_t)(stop + 1 - line);
      memmove(line, stop + 1, length);
    }
    overlong = overlong || length == sizeof line;
    if (overlong) length = 0;
  }
}
